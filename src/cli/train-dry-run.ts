// `stylegan train --dry-run`: the resolved options, the layers, and what the run would take.

import { sizeOf } from '../core/tensor.ts';
import { createModel } from '../models/registry.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import { openEngine } from '../runtime/engine.node.ts';
import { measureGemm } from '../runtime/gemm-rate.ts';
import { type Estimate, estimateRun } from '../training/estimate.ts';
import { openData } from '../training/open-data.node.ts';
import { lastingName, openTransfer } from '../training/open-transfer.node.ts';
import {
  FLAGS,
  formatOption,
  networkConfigOf,
  resolveOptions,
  type TrainingOptions,
} from '../training/options.ts';
import type { TrainRequest } from '../training/train.node.ts';
import { summaryOf } from '../training/transfer-report.ts';
import { formatSeconds } from './progress.ts';

/** Share of the matrix-multiply rate that training reaches on a CPU: at least this in the cases of docs/presets.md. */
const EFFICIENCY = 0.5;

export async function printDryRun(request: TrainRequest): Promise<void> {
  const dataset = await openData({ ...request, onLog: (line) => console.error(line) });
  const {
    data: _data,
    outdir: _outdir,
    device,
    threads,
    signal: _signal,
    metrics: _metrics,
    locateNetwork,
    resume,
    ...asked
  } = request;
  const options = resolveOptions({ ...asked, resume: resume && lastingName(resume) }, dataset);
  const model = createModel(networkConfigOf(options, dataset));
  const { length, resolution: r, channels, labelDim } = dataset;
  console.log(
    `Data: ${length} images of ${r}x${r}, ${channels} channels, ${labelDim} labels (${dataset.path})`,
  );
  await dataset.close();
  console.log('\nOptions:');
  for (const [key, name] of Object.entries(FLAGS)) {
    if (key !== 'model')
      console.log(`  ${name.padEnd(16)} ${formatOption(options[key as keyof TrainingOptions])}`);
  }
  printLayers('Generator', model.generator);
  printLayers('Discriminator', model.discriminator);
  if (resume) {
    const transfer = await openTransfer(resume, model, locateNetwork);
    console.log(`\n${summaryOf(transfer, options.freezed, Number.POSITIVE_INFINITY).join('\n')}`);
  }
  const estimate = estimateRun(model, options);
  const engine = await openEngine({ device, threads });
  const rate = await measureGemm(engine);
  await engine.close();
  printEstimate(estimate, options, rate, engine.device);
  console.log('\nDry run: no run was started.');
}

/** One line a layer: its trainable parameters and its buffers. */
export function printLayers(title: string, specs: readonly ParameterSpec[]): void {
  const layers = new Map<string, { trained: number; buffers: number; weight: string }>();
  for (const { name, shape, trainable } of specs) {
    const layer = name.split('.').slice(0, -1).join('.') || name;
    const entry = layers.get(layer) ?? { trained: 0, buffers: 0, weight: '' };
    entry[trainable ? 'trained' : 'buffers'] += sizeOf(shape);
    if (name.endsWith('.weight') || name.endsWith('.const')) entry.weight = shape.join('x');
    layers.set(layer, entry);
  }
  console.log(`\n${title.padEnd(32)} ${'parameters'.padStart(12)} ${'buffers'.padStart(10)}  weight`);
  let total = 0;
  for (const [name, { trained, buffers, weight }] of layers) {
    total += trained;
    console.log(
      `  ${name.padEnd(30)} ${String(trained).padStart(12)} ${String(buffers).padStart(10)}  ${weight}`,
    );
  }
  console.log(`  ${'total'.padEnd(30)} ${String(total).padStart(12)}`);
}

function printEstimate(
  estimate: Estimate,
  options: TrainingOptions,
  gemmGflops: number,
  device: string,
): void {
  const secPerKimg = estimate.flopsPerKimg / (gemmGflops * 1e9 * EFFICIENCY);
  console.log(
    `\nEstimate on ${device} (${gemmGflops.toFixed(0)} GFLOP/s in matrix products, ${EFFICIENCY} of it reached):`,
  );
  console.log(`  memory       about ${estimate.memoryMB.toFixed(0)} MB`);
  console.log(
    `  time         about ${secPerKimg.toFixed(1)} s/kimg, ${formatSeconds(secPerKimg * (options.kimg - options.resumeKimg))} in all`,
  );
  console.log(`  arithmetic   ${(estimate.flopsPerKimg / 1e12).toFixed(2)} TFLOP/kimg`);
}
