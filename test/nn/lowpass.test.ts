// Filter designs agree with SciPy's firwin and with the published radial filters.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoints/safetensors.ts';
import { designLowpass, designRadialLowpass } from '../../src/nn/lowpass.ts';

const url = new URL('../fixtures/filters.safetensors', import.meta.url);
const { tensors } = readSafetensors(readFileSync(url), 'filters');
const pinned = [...tensors].filter(([name]) => name.startsWith('lowpass.'));

describe('low-pass design', () => {
  it.each(pinned)('gives the published taps of %s', (name, tensor) => {
    const match = /taps(\d+)_cutoff([\d.]+)_width([\d.]+)_fs(\d+)_radial(True|False)/.exec(name)!;
    const [taps, cutoff, width, sampleRate] = match.slice(1, 5).map(Number);
    const design = { taps, cutoff, width, sampleRate };
    const filter = match[5] === 'True' ? designRadialLowpass(design) : designLowpass(design);
    expect(filter.length).toBe(tensor.data.length);
    filter.forEach((tap, i) => {
      expect(Math.abs(tap - Number(tensor.data[i]))).toBeLessThan(1e-7);
    });
  });

  it("gives SciPy's firwin to float64, for odd lengths and every attenuation range", () => {
    const weak = designLowpass({ taps: 13, cutoff: 0.3, width: 0.15, sampleRate: 1 });
    [-0.014019889041241719, 0, 0.04659218482185223, -0.04817616689701745].forEach((tap, i) => {
      expect(weak[i]).toBeCloseTo(tap, 14);
    });
    const strong = designLowpass({ taps: 31, cutoff: 5, width: 1.5, sampleRate: 20 });
    [-0.003067102028339493, 0, 0.0066342773247060685, 0].forEach((tap, i) => {
      expect(strong[i]).toBeCloseTo(tap, 14);
    });
  });

  it('integrates the jinc to float64 far from the middle', () => {
    const radial = designRadialLowpass({ taps: 20, cutoff: 300, width: 120, sampleRate: 1024 });
    expect(radial[0]).toBeCloseTo(-7.216290304771751e-5, 14);
    expect(radial[3 * 20 + 4]).toBeCloseTo(0.0014358741034259576, 14);
    expect(radial[9 * 20 + 9]).toBeCloseTo(0.21586837584148982, 14);
  });

  it('has a middle when the length is odd', () => {
    const radial = designRadialLowpass({ taps: 5, cutoff: 1, width: 1, sampleRate: 4 });
    expect(Math.max(...radial)).toBe(radial[12]);
    expect([...designLowpass({ taps: 1, cutoff: 1, width: 1, sampleRate: 4 })]).toEqual([1]);
  });
});
