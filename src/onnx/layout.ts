// Values during lowering: each node may exist in row-major layout, in the blocked layout NCHWc, or in both.
//
// Blocked: [N, C, H, W] is stored as [N, C/b, H, W, b]. Its nominal ONNX shape stays [N, C, H, W].

import { type Shape, sameShape } from '../core/tensor.ts';
import type { Node } from '../graph/node.ts';
import { type Attribute, DATA_TYPE, type FloatType, type ModelBuilder, NCHWC } from './model.ts';
import type { Target } from './target.ts';

/** Names of the ONNX values that hold a node, one for each layout that exists. */
export interface Forms {
  plain?: string;
  blocked?: string;
}

/** From this size on, constants of a model in half precision are stored in it, whoever reads them. */
const HALF_ELEMENTS = 1024;

/** The state of one lowering: the model so far and where each node's value lies. */
export class Lowering {
  readonly model: ModelBuilder;
  readonly target: Target;
  private readonly forms = new Map<Node, Forms>();
  private readonly types = new Map<Node, FloatType>();
  private readonly ids = new Map<Node, number>();

  constructor(model: ModelBuilder, target: Target) {
    this.model = model;
    this.target = target;
  }

  define(node: Node, forms: Forms): void {
    this.forms.set(node, { ...forms });
    this.types.set(node, this.model.floatType);
  }

  /** A short name for a node, to name what is made from it once. */
  idOf(node: Node): number {
    let id = this.ids.get(node);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(node, id);
    }
    return id;
  }

  private formsOf(node: Node): Forms {
    const forms = this.forms.get(node);
    if (forms === undefined) throw new Error(`lowering: ${node.op.kind} was used before it was lowered`);
    return forms;
  }

  /** Whether images of this shape have a blocked form: whole blocks of channels, and room to gain from it. */
  canBlock(shape: Shape): boolean {
    const { block } = this.target;
    return block > 0 && shape.length === 4 && shape[1] % block === 0 && shape[2] * shape[3] > 1;
  }

  isBlocked(node: Node): boolean {
    return this.formsOf(node).blocked !== undefined;
  }

  /** True when only the blocked form exists so far: computing there saves a reordering. */
  isOnlyBlocked(node: Node): boolean {
    const { plain, blocked } = this.formsOf(node);
    return plain === undefined && blocked !== undefined;
  }

  /**
   * The row-major value, in the type that is being computed in. Constants are only written out when this is asked
   * for: kernels may replace them.
   */
  plain(node: Node): string {
    const forms = this.formsOf(node);
    const { op } = node;
    const isHalf = this.target.half === true && op.kind === 'constant' && op.data.length >= HALF_ELEMENTS;
    const type = isHalf ? 'float16' : this.types.get(node)!;
    if (op.kind === 'constant') forms.plain ??= this.model.floats(op.data, node.shape, type);
    forms.plain ??= this.unblock(forms.blocked!, node.shape);
    return this.cast(forms.plain, type);
  }

  /** A value of the type given, in the type that is being computed in. */
  private cast(value: string, type: FloatType): string {
    const to = this.model.floatType;
    if (type === to) return value;
    return this.model.once(`cast:${value}`, () => this.emit('Cast', [value], { to: DATA_TYPE[to] }));
  }

  /** The blocked value; the shape must satisfy {@link canBlock}. */
  blocked(node: Node): string {
    const forms = this.formsOf(node);
    forms.blocked ??= this.model.node('ReorderInput', [this.plain(node)], {}, NCHWC);
    return forms.blocked;
  }

  unblock(value: string, shape: Shape): string {
    return this.model.node('ReorderOutput', [value], { channels: shape[1] }, NCHWC);
  }

  emit(
    opType: string,
    inputs: readonly string[],
    attributes?: Record<string, Attribute>,
    domain?: string,
  ): string {
    return this.model.node(opType, inputs, attributes, domain);
  }

  reshape(value: string, shape: Shape): string {
    return this.emit('Reshape', [value, this.model.ints(shape)]);
  }

  transpose(value: string, perm: readonly number[]): string {
    return this.emit('Transpose', [value], { perm });
  }

  /** Cuts [start, start + size) out of each listed axis. */
  slice(value: string, cuts: readonly { axis: number; start: number; size: number }[]): string {
    if (cuts.length === 0) return value;
    const ints = (values: number[]) => this.model.ints(values);
    const starts = ints(cuts.map((cut) => cut.start));
    const ends = ints(cuts.map((cut) => cut.start + cut.size));
    return this.emit('Slice', [value, starts, ends, ints(cuts.map((cut) => cut.axis))]);
  }

  /** `node`, of shape `shape` or one number for each pixel of it, as a whole blocked image. */
  blockedAddend(node: Node, shape: Shape): string {
    if (sameShape(node.shape, shape)) return this.canBlock(shape) ? this.blocked(node) : this.plain(node);
    const { block } = this.target;
    const [n, c, h, w] = shape;
    const pixels = this.reshape(this.plain(node), [node.shape[0], 1, h * w, 1]);
    const image = this.emit('Expand', [pixels, this.model.ints([n, c / block, h * w, block])]);
    return this.reshape(image, shape);
  }
}
