// The package's entry for browsers: load a network, make pictures, and compute with graphs of one's own.

export {
  DeviceError,
  DivergenceError,
  FileError,
  OptionError,
  UserError,
} from './core/errors.ts';
export { RandomState } from './core/numpy-random.ts';
export { type FloatTensor, floatTensor, type Shape, type Tensor } from './core/tensor.ts';
export type { Dataset } from './data/dataset.ts';
export { imageGrid, type Picture, picturesOf, tilePictures } from './generate/image-grid.ts';
export { closedSpline } from './generate/interpolate.ts';
export { classesOf, labelsOf } from './generate/labels.ts';
export { loadNetwork } from './generate/load-network.web.ts';
export { mixStyles, type StyleBand, styleBands } from './generate/mix.ts';
export type { MappingOptions, Network, NoiseMode, SynthesisOptions } from './generate/network.ts';
export {
  NOISE_SETTINGS,
  type NoiseDraws,
  type NoiseRanges,
  type NoiseSetting,
  type NoiseStudyOptions,
  noiseRanges,
  studyNoise,
} from './generate/noise-study.ts';
export { type LabelSource, randomImages } from './generate/random-images.ts';
export { latentsOf, parseNumbers } from './generate/seeds.ts';
export { drawSheet, type SheetOptions, type SheetRow } from './generate/sheet.ts';
export { gradients } from './graph/autodiff.ts';
export * as ops from './graph/build.ts';
export type { Graph, Node } from './graph/node.ts';
export { print } from './graph/print.ts';
export { evaluateGraph } from './graph/reference.ts';
export { METRICS, type MeasureRequest, measure } from './metrics/measure.ts';
export type { Metric, MetricProgress, MetricRequest, MetricResults } from './metrics/metric.ts';
export type { NoiseLayer } from './models/contract.ts';
export type { NetworkConfig } from './models/registry.ts';
export type { Device, Engine, EngineOptions, Feeds, Session } from './runtime/engine.ts';
export { openEngine, type WebEngineOptions } from './runtime/engine.web.ts';
