// Adam over one flat vector of parameters, and the generator's moving average.

/** Hyperparameters of one step. */
export interface AdamRates {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/**
 * Adam's rates under lazy regularization (StyleGAN2, appendix B): with c = n/(n+1) for an interval of n steps,
 * λ' = cλ and β' = βᶜ, since the regularizer's step comes on top.
 */
export function lazyRates({ lr, beta1, beta2, eps }: AdamRates, interval: number | null): AdamRates {
  const c = interval === null ? 1 : interval / (interval + 1);
  return { lr: lr * c, beta1: beta1 ** c, beta2: beta2 ** c, eps };
}

/** The optimizer's state beside the parameters. */
export interface AdamState {
  /** First moments, in the order of the parameters; null when β1 is 0 and they are the gradients themselves. */
  readonly m: Float32Array | null;
  /** Second moments. */
  readonly v: Float32Array;
  /** Steps taken since the last reset. */
  steps: number;
}

/** State before the first step. `beta1` decides whether there are first moments. */
export const adamState = (size: number, beta1: number): AdamState => ({
  m: beta1 > 0 ? new Float32Array(size) : null,
  v: new Float32Array(size),
  steps: 0,
});

/** Forgets all steps. */
export function resetAdam(state: AdamState): void {
  state.m?.fill(0);
  state.v.fill(0);
  state.steps = 0;
}

/** A run of parameters in the flat vector: from `start` up to but without `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * One step (Kingma & Ba 2015, algorithm 1) of the parameters in `ranges`, whose gradients lie one after the other in
 * `gradient` and are multiplied by `scale` first. The others have no gradient and, as their moments are 0, stay.
 * Returns Σ g², which is not finite when any gradient is not.
 */
export function adamStep(
  parameters: Float32Array,
  gradient: Float32Array,
  scale: number,
  state: AdamState,
  rates: AdamRates,
  ranges: readonly Range[] = [{ start: 0, end: parameters.length }],
): number {
  state.steps++;
  let norm = 0;
  let from = 0;
  for (const { start, end } of ranges) {
    const part = {
      v: state.v.subarray(start, end),
      m: state.m?.subarray(start, end) ?? null,
      steps: state.steps,
    };
    const [p, g] = [parameters.subarray(start, end), gradient.subarray(from, from + end - start)];
    norm +=
      part.m === null
        ? stepWithoutMomentum(p, g, scale, part, rates)
        : stepWithMomentum(p, g, scale, part, rates);
    from += end - start;
  }
  return norm;
}

/** β1 = 0: v = β2·v + (1-β2)·g², p -= lr·g / (√(v/(1-β2ᵗ)) + ε). */
function stepWithoutMomentum(
  parameters: Float32Array,
  gradient: Float32Array,
  scale: number,
  { v, steps }: AdamState,
  { lr, beta2, eps }: AdamRates,
): number {
  const correction = 1 / Math.sqrt(1 - beta2 ** steps);
  const fresh = 1 - beta2;
  let norm = 0;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i] * scale;
    const square = g * g;
    norm += square;
    const moment = beta2 * v[i] + fresh * square;
    v[i] = moment;
    parameters[i] -= (lr * g) / (Math.sqrt(moment) * correction + eps);
  }
  return norm;
}

/** m = β1·m + (1-β1)·g besides, and p -= lr·m/(1-β1ᵗ) / (√(v/(1-β2ᵗ)) + ε). */
function stepWithMomentum(
  parameters: Float32Array,
  gradient: Float32Array,
  scale: number,
  { m, v, steps }: AdamState,
  { lr, beta1, beta2, eps }: AdamRates,
): number {
  const first = m!;
  const rate = lr / (1 - beta1 ** steps);
  const correction = 1 / Math.sqrt(1 - beta2 ** steps);
  let norm = 0;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i] * scale;
    norm += g * g;
    const direction = beta1 * first[i] + (1 - beta1) * g;
    const moment = beta2 * v[i] + (1 - beta2) * g * g;
    first[i] = direction;
    v[i] = moment;
    parameters[i] -= (rate * direction) / (Math.sqrt(moment) * correction + eps);
  }
  return norm;
}

/** average = β·average + (1-β)·parameters. */
export function updateAverage(average: Float32Array, parameters: Float32Array, beta: number): void {
  for (let i = 0; i < average.length; i++) average[i] = parameters[i] + (average[i] - parameters[i]) * beta;
}

/** β of the generator's average for one batch: half-life `emaKimg`, at most `rampup` of the images seen before it. */
export function averageBeta(batch: number, images: number, emaKimg: number, rampup: number | null): number {
  const halfLife = rampup === null ? emaKimg * 1000 : Math.min(emaKimg * 1000, images * rampup);
  return 0.5 ** (batch / Math.max(halfLife, 1e-8));
}
