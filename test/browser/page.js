// What the test's page does: it loads the network through the built package and makes the image of one seed.

import { latentsOf, loadNetwork, openEngine } from 'stylegan';

globalThis.errorOf = async (device) => {
  const error = await openEngine({ device, wasmUrl: '/ort' }).catch((e) => e);
  return `${error.name}: ${error.message}`;
};

globalThis.generate = async (device, seed) => {
  const network = await loadNetwork('/network.safetensors', { device, wasmUrl: '/ort' });
  const z = latentsOf([seed], network.config.zDim);
  const { shape, data } = await network.generate(z, null, { psi: 0.7 });
  await network.close();
  return { shape, data: [...data], threads: globalThis.crossOriginIsolated };
};

globalThis.ready = true;
