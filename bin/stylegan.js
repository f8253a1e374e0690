#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 node
// Starts the program: the built files where they are up to date, as in an installed package, else the sources of a
// clone, which need no build but half a second more. (The first line lets glibc's malloc keep large blocks; see
// memoryOptions in src/runtime/engine.node.ts.)
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const modified = (file) => statSync(file).mtimeMs;

function isBuilt() {
  if (!existsSync(path('../src'))) return true;
  const stamp = path('../dist/.tsbuildinfo'); // rewritten by every build that changes anything
  if (!existsSync(stamp) || !existsSync(path('../dist/cli/main.js'))) return false;
  const built = modified(stamp);
  const sources = readdirSync(path('../src'), { recursive: true });
  return sources.every((name) => modified(path(`../src/${name}`)) <= built);
}

if (isBuilt()) {
  await import('../dist/cli/main.js');
} else {
  const { register } = await import('tsx/esm/api');
  register();
  await import('../src/cli/main.ts');
}
