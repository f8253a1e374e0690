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
 * λ' = cλ and β' = βᶜ, since the regularizer's step comes on top. β1 = 0 stays 0.
 */
export function lazyRates(lr: number, interval: number | null): AdamRates {
  const c = interval === null ? 1 : interval / (interval + 1);
  return { lr: lr * c, beta1: 0, beta2: 0.99 ** c, eps: 1e-8 };
}

/** The optimizer's state beside the parameters. β1 is 0 throughout, so there is no first moment to keep. */
export interface AdamState {
  /** Second moments, in the order of the parameters. */
  readonly v: Float32Array;
  /** Steps taken. */
  steps: number;
}

/**
 * One step (Kingma & Ba 2015, algorithm 1, β1 = 0): v = β2·v + (1-β2)·g², p -= lr·g / (√(v/(1-β2ᵗ)) + ε).
 * `gradient` is multiplied by `scale` first. Returns Σ g², which is not finite when any gradient is not.
 */
export function adamStep(
  parameters: Float32Array,
  gradient: Float32Array,
  scale: number,
  state: AdamState,
  { lr, beta2, eps }: AdamRates,
): number {
  const { v } = state;
  state.steps++;
  const correction = 1 / Math.sqrt(1 - beta2 ** state.steps);
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

/** average = β·average + (1-β)·parameters. */
export function updateAverage(average: Float32Array, parameters: Float32Array, beta: number): void {
  for (let i = 0; i < average.length; i++) average[i] = parameters[i] + (average[i] - parameters[i]) * beta;
}

/** β of the generator's average for one batch: half-life `emaKimg`, at most `rampup` of the images seen before it. */
export function averageBeta(batch: number, images: number, emaKimg: number, rampup: number | null): number {
  const halfLife = rampup === null ? emaKimg * 1000 : Math.min(emaKimg * 1000, images * rampup);
  return 0.5 ** (batch / Math.max(halfLife, 1e-8));
}
