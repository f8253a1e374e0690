#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 node
// (The first line lets glibc's malloc keep large blocks; see memoryOptions in src/runtime/engine.node.ts.)
// Starts the program: its sources in a clone, which needs no build, or the built files in an installed package.
import { existsSync } from 'node:fs';

const source = new URL('../src/cli/main.ts', import.meta.url);
if (existsSync(source)) {
  const { register } = await import('tsx/esm/api');
  register();
  await import(source.href);
} else {
  await import('../dist/cli/main.js');
}
