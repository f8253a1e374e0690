// Kind `pickle`: images and logits of a published checkpoint, which lies beside the reference file.

import { basename, dirname, join } from 'node:path';
import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import type { FloatTensor, Tensor } from '../../src/core/tensor.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import type { MappingOptions, Network, NoiseMode } from '../../src/generate/network.ts';
import { compare, type Deviation } from './check.ts';

const IMAGE = /^out\.(img|ws)(?:_(const|none))?(?:_psi(-?[\d.]+?))?(?:_cutoff(\d+))?$/;
const LOGITS = /^out\.logits(?:_(real|fake))?$/;

/** `path` is that of the reference file, whose metadata may name the checkpoint beside it. */
export async function* checkPickle(file: SafetensorsFile, path: string): AsyncIterable<Deviation> {
  const named = file.metadata.pickle ?? `${basename(path).replace(/\.safetensors$/, '')}.pkl`;
  const network = await loadNetwork(join(dirname(path), basename(named)), { device: 'cpu' });
  try {
    const reference = new Reference(file, network);
    for (const [name, tensor] of file.tensors) {
      if (name.startsWith('out.')) yield compare(name, (await reference.recompute(name)).data, tensor);
    }
  } finally {
    await network.close();
  }
}

class Reference {
  private readonly file: SafetensorsFile;
  private readonly network: Network;

  constructor(file: SafetensorsFile, network: Network) {
    this.file = file;
    this.network = network;
  }

  /** What our network makes of the file's inputs. Throws FileError for a name that this kind does not define. */
  async recompute(name: string): Promise<FloatTensor> {
    const image = IMAGE.exec(name);
    if (image !== null) {
      const [, what, noise = 'const', psi, cutoff] = image;
      const options: MappingOptions = { psi: Number(psi ?? 1), ...(cutoff && { cutoff: Number(cutoff) }) };
      const ws = await this.network.mapping(this.floats('in.z').data, this.labels(), options);
      return what === 'ws' ? ws : this.network.synthesis(ws, { noiseMode: noise as NoiseMode });
    }
    const logits = LOGITS.exec(name);
    if (logits === null) throw new FileError(`got tensor ${name}, expected one that this kind defines`);
    const seen = logits[1] === 'real' ? this.floats('in.real') : await this.recompute('out.img_const');
    return this.network.discriminate(seen, this.labels());
  }

  private floats(name: string): FloatTensor {
    const tensor: Tensor | undefined = this.file.tensors.get(name);
    if (!(tensor?.data instanceof Float32Array)) throw new FileError(`got no float32 tensor ${name}`);
    return tensor as FloatTensor;
  }

  private labels(): Float32Array | null {
    return this.network.config.cDim > 0 ? this.floats('in.c').data : null;
  }
}
