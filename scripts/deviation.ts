// `tsx scripts/deviation.ts NETWORK DATA [COUNT]`: how much generated images differ from each other, beside how much
// real ones do. A generator that has collapsed shows a far smaller deviation than its data.

import { openDataset } from '../src/data/open-dataset.node.ts';
import { loadNetwork } from '../src/generate/load-network.node.ts';
import { latentsOf } from '../src/generate/seeds.ts';

/** Standard deviation across images, averaged over pixels and channels; images in [-1, 1]. */
class Deviation {
  private readonly sum: Float64Array;
  private readonly square: Float64Array;
  private count = 0;

  constructor(size: number) {
    this.sum = new Float64Array(size);
    this.square = new Float64Array(size);
  }

  add(pixels: ArrayLike<number>, scale = 1, shift = 0): void {
    for (let i = 0; i < this.sum.length; i++) {
      const x = Math.max(-1, Math.min(1, pixels[i] * scale + shift));
      this.sum[i] += x;
      this.square[i] += x * x;
    }
    this.count++;
  }

  get value(): number {
    let total = 0;
    for (let i = 0; i < this.sum.length; i++) {
      const mean = this.sum[i] / this.count;
      total += Math.sqrt(Math.max(0, this.square[i] / this.count - mean * mean));
    }
    return total / this.sum.length;
  }
}

const [networkPath, dataPath, countText = '2000'] = process.argv.slice(2);
if (networkPath === undefined || dataPath === undefined) {
  console.error('usage: tsx scripts/deviation.ts NETWORK DATA [COUNT]');
  process.exit(1);
}
const count = Number(countText);
const dataset = await openDataset(dataPath);
const size = dataset.channels * dataset.resolution ** 2;
const real = new Deviation(size);
for (let i = 0; i < Math.min(count, dataset.length); i++) real.add(await dataset.readImage(i), 1 / 127.5, -1);
const network = await loadNetwork(networkPath);
const fake = new Deviation(size);
for (let seed = 0; seed < count; seed += 16) {
  const seeds = Array.from({ length: Math.min(16, count - seed) }, (_, i) => seed + i);
  const { data } = await network.generate(latentsOf(seeds, network.config.zDim), null);
  seeds.forEach((_, i) => {
    fake.add(data.subarray(i * size, (i + 1) * size));
  });
}
await network.close();
await dataset.close();
console.log(
  `real ${real.value.toFixed(4)}  generated ${fake.value.toFixed(4)}  ratio ${(fake.value / real.value).toFixed(3)}`,
);
