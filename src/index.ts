// The package's entry for Node: prepare data, train, load a network, make pictures, and compute with graphs of one's own.

export { type DownloadProgress, type FetchOptions, fetchNetwork } from './checkpoints/fetch-network.node.ts';
export { type NetworkSource, networkSource, type OpenedNetwork } from './checkpoints/network-file.ts';
export { openNetworkFile } from './checkpoints/open-file.node.ts';
export { PUBLISHED_NETWORKS, type PublishedNetwork } from './checkpoints/published-networks.ts';
export {
  DeviceError,
  DivergenceError,
  FileError,
  OptionError,
  UserError,
} from './core/errors.ts';
export { RandomState } from './core/numpy-random.ts';
export { type FloatTensor, floatTensor, type Shape, type Tensor } from './core/tensor.ts';
export { type Batch, EndlessBatches } from './data/batches.ts';
export type { Transform } from './data/convert.node.ts';
export type { Dataset } from './data/dataset.ts';
export { type OpenDatasetOptions, openDataset } from './data/open-dataset.node.ts';
export {
  type PrepareOptions,
  type PrepareProgress,
  type PrepareReport,
  prepareDataset,
} from './data/prepare.node.ts';
export { type WriteOnnxOptions, writeOnnx } from './generate/export-onnx.node.ts';
export { encodePng, writePng } from './generate/image-files.node.ts';
export { imageGrid, type Picture, picturesOf, tilePictures } from './generate/image-grid.ts';
export { closedSpline } from './generate/interpolate.ts';
export { classesOf, labelsOf } from './generate/labels.ts';
export { type LoadOptions, loadNetwork } from './generate/load-network.node.ts';
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
export { writeVideo } from './generate/video.node.ts';
export { gradients } from './graph/autodiff.ts';
export * as ops from './graph/build.ts';
export type { Graph, Node } from './graph/node.ts';
export { print } from './graph/print.ts';
export { evaluateGraph } from './graph/reference.ts';
export { METRICS, type MeasureRequest, measure } from './metrics/measure.ts';
export type { Metric, MetricProgress, MetricRequest, MetricResults } from './metrics/metric.ts';
export type { NoiseLayer } from './models/contract.ts';
export type { NetworkConfig } from './models/registry.ts';
export { openEngine } from './runtime/engine.node.ts';
export type { Device, Engine, EngineOptions, Feeds, Session } from './runtime/engine.ts';
export { openWorkerEngine } from './runtime/worker-engine.node.ts';
export { type TrainProgress, type TrainRequest, type TrainResult, train } from './training/train.node.ts';
