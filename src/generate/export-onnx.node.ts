// Exported ONNX models as files: one or two of them, with their weights inside or beside.

import { basename, dirname, join } from 'node:path';
import type { NetworkSource } from '../checkpoints/network-file.ts';
import { FileError } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.node.ts';
import { type ExportOnnxOptions, exportOnnx } from './export-onnx.ts';

export interface WriteOnnxOptions extends Omit<ExportOnnxOptions, 'part' | 'dataFile'> {
  /** Two models, NAME-mapping.onnx and NAME-synthesis.onnx, with ws in between. Default false. */
  readonly split?: boolean;
}

/** The model files that {@link writeOnnx} will write for `path`. Throws {@link FileError} for other endings. */
export function onnxPaths(path: string, split: boolean): string[] {
  if (!/[^/\\]\.onnx$/i.test(path)) throw new FileError(`${path}: expected a name that ends in .onnx`);
  if (!split) return [path];
  const stem = path.slice(0, -'.onnx'.length);
  return [`${stem}-mapping.onnx`, `${stem}-synthesis.onnx`];
}

/**
 * Writes the averaged generator for other runtimes, and returns the files written: models, each with NAME.onnx.data
 * where its weights lie beside it. Throws {@link FileError} and OptionError.
 */
export async function writeOnnx(
  network: NetworkSource,
  path: string,
  options: WriteOnnxOptions = {},
): Promise<string[]> {
  const { split = false } = options;
  const parts = split ? (['mapping', 'synthesis'] as const) : (['generator'] as const);
  const written: string[] = [];
  for (const [i, modelPath] of onnxPaths(path, split).entries()) {
    const dataFile = `${basename(modelPath)}.data`;
    const { bytes, externalData } = exportOnnx(network, { ...options, part: parts[i], dataFile });
    // The weights first: a model is never there without them.
    if (externalData.length > 0) {
      const dataPath = join(dirname(modelPath), dataFile);
      await writeFileAtomic(
        dataPath,
        externalData.map(({ data }) => data),
      );
      written.push(dataPath);
    }
    await writeFileAtomic(modelPath, bytes);
    written.push(modelPath);
  }
  return written;
}
