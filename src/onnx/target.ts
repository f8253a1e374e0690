// What a graph is lowered for: an execution provider and what is known of it.

/** ONNX Runtime's execution providers that this project lowers for. */
export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'wasm';

export interface Target {
  readonly provider: Provider;
  /**
   * Channels per block of the CPU provider's blocked layout NCHWc (16 with AVX-512, 8 with AVX2), or 0 where
   * it has none. Its direct convolutions reach 200 GFLOP/s where the im2col path reaches 130 (2 cores).
   */
  readonly block: number;
  /** Images and their convolutions in float16, and large weights stored so (see half.ts); needs block 0. */
  readonly half?: boolean;
}

/** For files that go anywhere: ONNX's own operators only. */
export const PORTABLE: Target = { provider: 'wasm', block: 0 };
