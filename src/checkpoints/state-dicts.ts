// Files of PyTorch state dicts, `.pt`: StyleGAN2 as rosinality's and lucidrains' code writes it.

import { FileError } from '../core/errors.ts';
import type { PickleValue } from '../core/pickle/values.ts';
import { type ForeignFile, type ForeignNetwork, type ForeignTensors, kimgOfName } from './foreign.ts';
import type { OpenedPickle } from './pickle/open-pickle.ts';
import { dictTensors, itemOf, namedItems, settingsOf } from './pickled-network.ts';
import { isRosinality, rosinalityDiscriminator, rosinalityGenerator } from './rosinality.ts';
import { openStylegan2 } from './stylegan2-parts.ts';

/** rosinality's names of the networks. */
const PARTS = { G_ema: 'g_ema', G: 'g', D: 'd' } as const;

/** The file, if it is of state dicts that are known; null where it is not. Throws FileError. */
export function readStateDicts(opened: OpenedPickle): ForeignFile | null {
  return readRosinality(opened) ?? readLucidrains(opened);
}

function readRosinality(opened: OpenedPickle): ForeignFile | null {
  const { name, value } = opened;
  // A generator alone may be a file, too.
  const whole = dictTensors(opened, value);
  const dicts: Record<string, ForeignTensors> = isRosinality(whole)
    ? { G_ema: whole }
    : Object.fromEntries(
        Object.entries(PARTS).map(([part, key]) => [part, dictTensors(opened, itemOf(value, key))]),
      );
  const networks = Object.entries(dicts).flatMap(([part, tensors]): ForeignNetwork[] =>
    tensors.size === 0 ? [] : [{ name: part, settings: {}, tensors }],
  );
  const generator = networks.find((network) => network.name !== 'D')?.tensors;
  if (generator === undefined || !isRosinality(generator)) return null;
  const latentAverage = dictTensors(
    opened,
    new Map([['mapping.w_avg', itemOf(value, 'latent_avg') ?? null]]),
  );
  return {
    format: 'StyleGAN2, PyTorch state dicts as rosinality names them',
    settings: settingsOf(itemOf(value, 'args'), name),
    networks,
    open() {
      const find = (part: string) => networks.find((network) => network.name === part)?.tensors;
      const ours = (part: 'G_ema' | 'G') => {
        const tensors = find(part);
        if (tensors === undefined) return null;
        return new Map([...rosinalityGenerator(tensors, `${name}: ${part}`), ...latentAverage]);
      };
      const discriminator = find('D');
      const resolution =
        4 * 2 ** ([...generator.keys()].filter((key) => /noise\.weight$/.test(key)).length >> 1);
      const D =
        discriminator === undefined ? null : rosinalityDiscriminator(discriminator, resolution, `${name}: D`);
      return openStylegan2({ G_ema: ours('G_ema'), G: ours('G'), D }, 4, kimgOfName(name), name);
    },
  };
}

/** Its networks by the prefixes of their tensors; mapping and synthesis network are apart. */
const LUCIDRAINS = { G_ema: /^(SE|GE)\./, G: /^(S|G)\./, D: /^D\./ };

function readLucidrains(opened: OpenedPickle): ForeignFile | null {
  const tensors = dictTensors(opened, itemOf(opened.value, 'GAN'));
  if (!tensors.has('G.initial_conv.weight') && !tensors.has('GE.initial_conv.weight')) return null;
  const networks = Object.entries(LUCIDRAINS).map(([name, pattern]) => ({
    name,
    settings: {},
    tensors: new Map([...tensors].filter(([key]) => pattern.test(key))),
  }));
  const others = new Map([...namedItems(opened.value)].filter(([key]): boolean => key !== 'GAN'));
  return {
    format: 'StyleGAN2, PyTorch state dict as lucidrains names it',
    settings: settingsOf(others as Map<PickleValue, PickleValue>, opened.name),
    networks: networks.filter((network) => network.tensors.size > 0),
    open() {
      throw new FileError(
        `${opened.name}: got lucidrains' StyleGAN2, whose generator enlarges, filters and adds noise in another way, expected the published one: its pictures cannot be expressed; stylegan info shows what the file holds`,
      );
    },
  };
}
