// Networks that others have published, by name: where each lies, what it shows, under which licence.

export interface PublishedNetwork {
  readonly name: string;
  readonly address: string;
  /** What the images show, and of which data set. */
  readonly shows: string;
  /** Side of the square images, in pixels. */
  readonly resolution: number;
  readonly family: Family;
  readonly licence: Licence;
  /** Size of the file in units of 10⁶ bytes; null where it is not known for certain. */
  readonly megabytes: number | null;
  /** SHA-256 of the file in hex; null where no two sources record the same. */
  readonly sha256: string | null;
}

export interface Licence {
  readonly name: string;
  readonly address: string;
}

export type Family = 'StyleGAN2' | 'StyleGAN2-ADA' | 'StyleGAN3';

/** What the licences of all listed networks limit their use to. */
export const PERMITTED_USE = 'research and evaluation only';

// Addresses and licences: the README files of NVlabs/stylegan2, stylegan2-ada-pytorch and stylegan3. Sizes and hashes:
// copies that others keep of the same files, as their Git LFS pointers and release notes record them.
const ADA_LICENCE: Licence = {
  name: 'NVIDIA Source Code License',
  address: 'https://nvlabs.github.io/stylegan2-ada-pytorch/license.html',
};
const STYLEGAN2_LICENCE: Licence = {
  name: 'NVIDIA Source Code License-NC',
  address: 'https://nvlabs.github.io/stylegan2/license.html',
};
const STYLEGAN3_LICENCE: Licence = {
  name: 'NVIDIA Source Code License',
  address: 'https://github.com/NVlabs/stylegan3/blob/main/LICENSE.txt',
};

const ADA_FOLDER = 'https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/';
const SOURCES_FOLDER = `${ADA_FOLDER}transfer-learning-source-nets/`;
const STYLEGAN2_FOLDER = 'https://nvlabs-fi-cdn.nvidia.com/stylegan2/networks/';
const CATALOGUE_FOLDER = 'https://api.ngc.nvidia.com/v2/models/nvidia/research/';

const SHOWS: Record<string, string> = {
  ffhq: 'faces (FFHQ)',
  ffhqu: 'faces, unaligned (FFHQ-U)',
  metfaces: 'painted and sculpted faces (MetFaces)',
  metfacesu: 'painted and sculpted faces, unaligned (MetFaces-U)',
  celebahq: 'faces (CelebA-HQ)',
  afhqcat: 'cats (AFHQ)',
  afhqdog: 'dogs (AFHQ)',
  afhqwild: 'wild animals (AFHQ)',
  afhqv2: 'cats, dogs, wild animals (AFHQv2)',
  brecahad: 'breast tissue under the microscope (BreCaHAD)',
  cifar10: 'things and animals of 10 classes (CIFAR-10)',
  lsundog: 'dogs (LSUN)',
  car: 'cars, 512x384 between black bars (LSUN)',
  cat: 'cats (LSUN)',
  church: 'churches (LSUN)',
  horse: 'horses (LSUN)',
};

/** Names as the files of StyleGAN2-ADA's main folder. */
function ada(
  name: string,
  resolution: number,
  megabytes: number | null,
  sha256: string | null = null,
): PublishedNetwork {
  const address = `${ADA_FOLDER}${name}.pkl`;
  const family = 'StyleGAN2-ADA';
  return {
    name,
    address,
    shows: SHOWS[name],
    resolution,
    family,
    licence: ADA_LICENCE,
    megabytes,
    sha256,
  };
}

/** Names as StyleGAN2-ADA's `--resume` has them: data set and resolution. */
function source(data: string, resolution: number, file: string): PublishedNetwork {
  return {
    name: `${data}${resolution}`,
    address: `${SOURCES_FOLDER}${file}`,
    shows: SHOWS[data],
    resolution,
    family: 'StyleGAN2-ADA',
    licence: ADA_LICENCE,
    megabytes: null,
    sha256: null,
  };
}

/** Names as the files of StyleGAN2, in the TensorFlow format. */
function configF(data: string, resolution: number, megabytes: number, sha256: string): PublishedNetwork {
  const name = `stylegan2-${data}-config-f`;
  const address = `${STYLEGAN2_FOLDER}${name}.pkl`;
  const licence = STYLEGAN2_LICENCE;
  return { name, address, shows: SHOWS[data], resolution, family: 'StyleGAN2', licence, megabytes, sha256 };
}

/** Names as the files in NVIDIA's catalogue, published with StyleGAN3: `stylegan3-r-ffhq-1024x1024`. */
function catalogued(name: string, megabytes: number | null = null): PublishedNetwork {
  const [, generation, data, side] = /^stylegan([23])(?:-[tr])?-(\w+)-(\d+)x\d+$/.exec(name)!;
  return {
    name,
    address: `${CATALOGUE_FOLDER}stylegan${generation}/versions/1/files/${name}.pkl`,
    shows: SHOWS[data],
    resolution: Number(side),
    family: generation === '3' ? 'StyleGAN3' : 'StyleGAN2',
    licence: STYLEGAN3_LICENCE,
    megabytes,
    sha256: null,
  };
}

export const PUBLISHED_NETWORKS: readonly PublishedNetwork[] = [
  ada('ffhq', 1024, 382, 'a205a346e86a9ddaae702e118097d014b7b8bd719491396a162cca438f2f524c'),
  ada('metfaces', 1024, 382, '880a460d011a3696c088f58f5844b44271b17903963f2671f96f72dfbce5f76f'),
  ada('afhqcat', 512, null),
  ada('afhqdog', 512, 364),
  ada('afhqwild', 512, null),
  ada('cifar10', 32, 246, 'f8952c74e23da2186d147ad871c48780bd59500ee37c301201081ee8e0cb32f1'),
  ada('brecahad', 512, 364),
  source('ffhq', 256, 'ffhq-res256-mirror-paper256-noaug.pkl'),
  source('ffhq', 512, 'ffhq-res512-mirror-stylegan2-noaug.pkl'),
  source('ffhq', 1024, 'ffhq-res1024-mirror-stylegan2-noaug.pkl'),
  source('celebahq', 256, 'celebahq-res256-mirror-paper256-kimg100000-ada-target0.5.pkl'),
  source('lsundog', 256, 'lsundog-res256-paper256-kimg100000-noaug.pkl'),
  configF('ffhq', 1024, 382, 'adf127ea7bb8a7788c8bdeda3c9937f7310b669b09ecf799ca53a631ff46948d'),
  configF('car', 512, 364, 'e1618eee2b3ce87c4a3849442f7850ef12a478556bff035c8e09ee7e23b3794c'),
  configF('cat', 256, 357, '08940fd616cfaf6bc7b0286b5d1a0b3f70febb26e136d64716c8d3f5e9bd3883'),
  configF('church', 256, 357, '4090c5f83b44b83475c84864188aa39a0fb72694492302b7e6af36aad0d18104'),
  configF('horse', 256, 357, 'cbc73372c7d82d095913ca8b4b9f170560777175bd7c3b8a75dd55d70807f32b'),
  catalogued('stylegan2-ffhq-1024x1024'),
  catalogued('stylegan2-ffhq-512x512', 364),
  catalogued('stylegan2-ffhq-256x256'),
  catalogued('stylegan2-ffhqu-1024x1024'),
  catalogued('stylegan2-ffhqu-256x256'),
  catalogued('stylegan2-metfaces-1024x1024'),
  catalogued('stylegan2-metfacesu-1024x1024'),
  catalogued('stylegan2-afhqv2-512x512'),
  catalogued('stylegan2-afhqcat-512x512', 364),
  catalogued('stylegan2-afhqdog-512x512'),
  catalogued('stylegan2-afhqwild-512x512'),
  catalogued('stylegan2-brecahad-512x512'),
  catalogued('stylegan2-cifar10-32x32'),
  catalogued('stylegan2-celebahq-256x256'),
  catalogued('stylegan2-lsundog-256x256'),
  catalogued('stylegan3-t-ffhq-1024x1024', 295),
  catalogued('stylegan3-t-ffhqu-1024x1024'),
  catalogued('stylegan3-t-ffhqu-256x256'),
  catalogued('stylegan3-r-ffhq-1024x1024'),
  catalogued('stylegan3-r-ffhqu-1024x1024'),
  catalogued('stylegan3-r-ffhqu-256x256'),
  catalogued('stylegan3-t-metfaces-1024x1024'),
  catalogued('stylegan3-t-metfacesu-1024x1024'),
  catalogued('stylegan3-r-metfaces-1024x1024'),
  catalogued('stylegan3-r-metfacesu-1024x1024'),
  catalogued('stylegan3-t-afhqv2-512x512'),
  catalogued('stylegan3-r-afhqv2-512x512'),
];
