// What the test's pages do: they load the network through the built package and make the image of one seed.

import { latentsOf, loadNetwork, openEngine } from 'stylegan';

globalThis.errorOf = async (device) => {
  const error = await openEngine({ device }).catch((e) => e);
  return `${error.name}: ${error.message}`;
};

globalThis.generate = async (options, seed) => {
  const network = await loadNetwork('/network.safetensors', options);
  const z = latentsOf([seed], network.config.zDim);
  const { shape, data } = await network.generate(z, null, { psi: 0.7 });
  await network.close();
  return { shape, data: [...data], isolated: globalThis.crossOriginIsolated };
};

globalThis.ready = true;
