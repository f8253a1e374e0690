// Before every test file: where there is no GPU, WebGPU finds the software adapter that Debian's Chromium brings.

import { existsSync } from 'node:fs';

const SOFTWARE_ADAPTER = '/usr/lib/chromium/vk_swiftshader_icd.json';

if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SOFTWARE_ADAPTER)) {
  process.env.VK_ICD_FILENAMES = SOFTWARE_ADAPTER;
}
