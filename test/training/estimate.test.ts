// What a run will take: parameters, moments, and the stages of growing by their shares.

import { describe, expect, it } from 'vitest';
import { createModel } from '../../src/models/registry.ts';
import { type Estimate, estimateRun } from '../../src/training/estimate.ts';
import { networkConfigOf, resolveOptions, type TrainingRequest } from '../../src/training/options.ts';

const DATA = { resolution: 16, channels: 3, labelDim: 0 };
const SMALL: TrainingRequest = {
  cfg: 'progan',
  batch: 4,
  cbase: 64,
  cmax: 8,
  zDim: 8,
  stableKimg: 1,
  fadeKimg: 1,
};

function estimate(changes: TrainingRequest): Estimate {
  const options = resolveOptions({ ...SMALL, ...changes }, DATA);
  return estimateRun(createModel(networkConfigOf(options, DATA)), options);
}

describe('the estimate', () => {
  it('of a growing run is the mean over its stages', () => {
    const at = (kimg: number) => estimate({ kimg }).flopsPerKimg;
    const first = at(1); // 4² alone
    const whole = estimate({ startRes: 16, kimg: 1 }).flopsPerKimg;
    expect(first).toBeLessThan(whole / 4);
    // 1 kimg of 4², 2 of 8² and 1 of the fade to 16², which costs a little more than 16² itself.
    expect(at(4)).toBeGreaterThan(at(3));
    expect(at(100)).toBeGreaterThan(0.94 * whole);
    expect(at(100)).toBeLessThan(whole);
  });

  it('follows the batches of the resolutions', () => {
    // Parts of one batch or batches of their own: D and G see as many images either way.
    const plain = estimate({ kimg: 100, mbstdGroup: 1 }).flopsPerKimg;
    const larger = estimate({ kimg: 100, mbstdGroup: 1, resBatch: { 4: 8, 8: 8 } }).flopsPerKimg;
    expect(Math.abs(larger / plain - 1)).toBeLessThan(0.05);
  });

  it('counts first moments where there is momentum', () => {
    const { parametersG, parametersD, memoryMB } = estimate({ kimg: 1 });
    const more = estimate({ kimg: 1, beta1: 0.5 }).memoryMB - memoryMB;
    expect(more * 2 ** 20).toBeCloseTo(4 * (parametersG + parametersD), 3);
  });
});
