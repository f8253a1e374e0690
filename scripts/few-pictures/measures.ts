// Two measures of what few pictures do to a network: how far D has learned them by heart, and how far G repeats them.

/** Images as vectors, one after the other: [N, width]. */
export interface Vectors {
  readonly data: Float32Array;
  readonly width: number;
}

/**
 * The overfitting heuristic r_v of StyleGAN2-ADA (section 3.1, equation 1) from D's mean output for the training set,
 * for held-out images and for generated ones: 0 when D rates unseen pictures as those it knows, 1 when it takes them
 * for generated ones.
 */
export function overfitting(training: number, heldOut: number, generated: number): number {
  return (training - heldOut) / (training - generated);
}

/** Images [N, C, R, R], R even, as vectors of half the size: each pixel the mean of four. */
export function halved(images: Float32Array, resolution: number): Vectors['data'] {
  const side = resolution / 2;
  const out = new Float32Array(images.length / 4);
  for (let o = 0; o < out.length; o++) {
    const row = Math.floor(o / side); // of all rows of all planes
    const i = 2 * row * resolution + 2 * (o % side);
    out[o] = (images[i] + images[i + 1] + images[i + resolution] + images[i + resolution + 1]) / 4;
  }
  return out;
}

/**
 * Share of `images` that lie nearer (Euclidean) to one of `known` than to any of `unseen`, which are as many: about a
 * half for new pictures, 1 for repeated ones.
 */
export function shareNearerTo(known: Vectors, unseen: Vectors, images: Vectors): number {
  const { data, width } = images;
  const count = data.length / width;
  let nearer = 0;
  for (let i = 0; i < count; i++) {
    const image = data.subarray(i * width, (i + 1) * width);
    const [a, b] = [nearest(image, known), nearest(image, unseen)];
    if (a <= b) nearer += a === b ? 0.5 : 1;
  }
  return nearer / count;
}

/** The smallest squared distance. */
function nearest(image: Float32Array, { data, width }: Vectors): number {
  let best = Number.POSITIVE_INFINITY;
  for (let start = 0; start < data.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width && sum < best; i++) sum += (image[i] - data[start + i]) ** 2;
    if (sum < best) best = sum;
  }
  return best;
}
