// The operator graph: a closed union of operators with typed parameters, and immutable nodes that apply them.

import type { Shape } from '../core/tensor.ts';

/** [top, left, bottom, right], in pixels. */
export type Padding = readonly [number, number, number, number];

/** The window shared by the three convolution operators: stride and zero padding of the *large* side. */
export interface Window {
  readonly stride: number;
  readonly pad: Padding;
}

/** Every operator there is. All tensors are float32, row-major; images are NCHW, kernels OIHW. */
export type Op =
  // Leaves
  | { readonly kind: 'input'; readonly name: string; readonly shape: Shape }
  | { readonly kind: 'constant'; readonly data: Float32Array; readonly shape: Shape }
  | { readonly kind: 'fill'; readonly value: number; readonly shape: Shape }
  // Elementwise, one input
  | { readonly kind: 'exp' }
  | { readonly kind: 'log' }
  | { readonly kind: 'sin' }
  | { readonly kind: 'cos' }
  | { readonly kind: 'tanh' }
  | { readonly kind: 'sigmoid' }
  | { readonly kind: 'softplus' } // log(1 + exp x)
  | { readonly kind: 'abs' }
  | { readonly kind: 'sign' }
  | { readonly kind: 'pow'; readonly exponent: number }
  | { readonly kind: 'leakyRelu'; readonly slope: number }
  | { readonly kind: 'leakyMask'; readonly slope: number; readonly height: number } // x > 0 ? height : slope·height
  // Elementwise, two inputs that broadcast as in NumPy
  | { readonly kind: 'add' }
  | { readonly kind: 'sub' }
  | { readonly kind: 'mul' }
  | { readonly kind: 'div' }
  // Products
  | { readonly kind: 'matmul'; readonly transA: boolean; readonly transB: boolean }
  | ({ readonly kind: 'conv' } & Window) // x [N,C,H,W], w [O,C,kh,kw] -> y [N,O,h,w]
  | ({ readonly kind: 'convInputGrad'; readonly size: readonly [number, number] } & Window) // y, w -> x [N,C,...size]
  | ({ readonly kind: 'convWeightGrad'; readonly kernel: readonly [number, number] } & Window) // x, y -> w
  | UpFirDn
  // Bilinear sampling at positions that are data (see `sample` in build.ts)
  | { readonly kind: 'sample' } // x [N,C,H,W], at [N,2,h,w] -> y [N,C,h,w]
  | { readonly kind: 'splat'; readonly size: readonly [number, number] } // y, at -> x [N,C,...size]
  // Reduction and shape
  | { readonly kind: 'sum'; readonly axes: readonly number[] } // keeps the summed axes with size 1
  | { readonly kind: 'broadcast'; readonly shape: Shape }
  | { readonly kind: 'reshape'; readonly shape: Shape }
  | { readonly kind: 'transpose'; readonly perm: readonly number[] }
  | { readonly kind: 'slice'; readonly starts: readonly number[]; readonly sizes: readonly number[] }
  | { readonly kind: 'pad'; readonly before: readonly number[]; readonly after: readonly number[] } // zeros
  | { readonly kind: 'concat'; readonly axis: number };

/**
 * Zero-stuff by `up`, zero-pad (negative crops), correlate each channel with the constant `taps` [th, tw],
 * keep every `down`-th sample. The adjoint of the operator is the same operator with up and down exchanged.
 */
export interface UpFirDn {
  readonly kind: 'upfirdn';
  readonly taps: Float32Array;
  readonly tapsShape: readonly [number, number];
  readonly up: number;
  readonly down: number;
  readonly pad: Padding;
}

/**
 * Height at which simplification computes masks of leaky ReLUs: x clipped to [slope·height, height] is the mask times
 * the height in one pass, and the factor that is left moves to small operands. A power of two, so nothing is rounded.
 */
export const MASK_HEIGHT = 2 ** -32;

export type Kind = Op['kind'];
export type OpOf<K extends Kind> = Extract<Op, { kind: K }>;

/** One application of an operator. Immutable; identity is the object itself. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly Node[];
  readonly shape: Shape;
}

/** A graph is its named outputs; everything else is reached from them. */
export interface Graph {
  readonly outputs: Readonly<Record<string, Node>>;
}

/** Nodes from which `roots` are computed, inputs before their users, in a deterministic order. */
export function topologicalOrder(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // An explicit stack: graphs of second derivatives are deeper than the call stack.
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.node.inputs.length) {
        const input = top.node.inputs[top.next++];
        if (!seen.has(input)) {
          seen.add(input);
          stack.push({ node: input, next: 0 });
        }
      } else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}
