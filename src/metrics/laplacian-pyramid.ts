// The Laplacian pyramid (Burt and Adelson 1983) with the filter and borders of ProGAN's sliced Wasserstein distance.

/**
 * Bands of square planes, finest first; the last one is the low-pass rest. Adding `pyramidUp` of each level to the
 * one above it gives the planes again.
 * @param planes float32 [P, size, size]
 * @returns `levels` arrays, the l-th [P, size/2^l, size/2^l]; `size` must be an even number of 4 or more each time it is halved
 */
export function laplacianPyramid(planes: Float32Array, size: number, levels: number): Float32Array[] {
  const pyramid: Float32Array[] = [];
  let rest = planes;
  for (let level = 1, side = size; level < levels; level++, side /= 2) {
    const smaller = pyramidDown(rest, side);
    const blurred = pyramidUp(smaller, side / 2);
    pyramid.push(rest.map((value, i) => value - blurred[i]));
    rest = smaller;
  }
  return [...pyramid, rest];
}

/** Blurs with [1, 4, 6, 4, 1]/16 in both directions and keeps every other pixel: [P, size, size] → halves. */
export function pyramidDown(planes: Float32Array, size: number): Float32Array {
  return halve(halve(planes, size, 1), size, size / 2);
}

/** Puts zeros between the pixels and blurs with twice that filter: [P, size, size] → [P, 2 size, 2 size]. */
export function pyramidUp(planes: Float32Array, size: number): Float32Array {
  return double(double(planes, size, 1), size, 2 * size);
}

/** One direction of `pyramidDown`: [outer, size, inner] → [outer, size/2, inner]. Borders mirror about the last pixel. */
function halve(x: Float32Array, size: number, inner: number): Float32Array {
  const half = size / 2;
  const lines = x.length / (size * inner);
  const out = new Float32Array(lines * half * inner);
  for (let line = 0, o = 0; line < lines; line++) {
    for (let i = 0; i < half; i++) {
      const before = i > 0 ? -inner : inner;
      const after = i + 1 < half ? 2 * inner : 0; // pixel `size` is pixel `size - 2` again
      const start = (line * size + 2 * i) * inner;
      for (let c = start; c < start + inner; c++) {
        out[o++] = (x[c + 2 * before] + 4 * (x[c + before] + x[c + inner]) + 6 * x[c] + x[c + after]) / 16;
      }
    }
  }
  return out;
}

/** One direction of `pyramidUp`, where the zeros leave three taps for even and two for odd pixels. */
function double(x: Float32Array, size: number, inner: number): Float32Array {
  const lines = x.length / (size * inner);
  const out = new Float32Array(2 * x.length);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < size; i++) {
      const before = i > 0 ? -inner : inner;
      const after = i + 1 < size ? inner : 0;
      const start = (line * size + i) * inner;
      for (let s = 0; s < inner; s++) {
        const c = start + s;
        out[2 * start + s] = (x[c + before] + 6 * x[c] + x[c + after]) / 8;
        out[2 * start + inner + s] = (x[c] + x[c + after]) / 2;
      }
    }
  }
  return out;
}
