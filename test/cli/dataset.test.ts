import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { datasetCommand } from '../../src/cli/dataset.ts';
import { openDataset } from '../../src/data/open-dataset.node.ts';
import { FIXTURES, scratch } from '../data/pictures.ts';

const at = scratch();

function run(...args: string[]): Promise<unknown> {
  const command = datasetCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parseAsync(args, { from: 'user' });
}

it('draws faces as its help shows', async () => {
  expect(helpOf()).toContain('stylegan dataset faces faces-64.zip --resolution 64 --max-images 20000');
  await run('faces', at('faces.zip'), '--resolution', '8', '--max-images', '3', '--seed', '5');
  const dataset = await openDataset(at('faces.zip'), { labels: true });
  expect(dataset).toMatchObject({ name: 'faces', length: 3, resolution: 8, channels: 3, labelDim: 6 });
  await dataset.close();
});

it("takes the published tools' spelling, and makes the folders of DEST", async () => {
  const dest = at('deep/er/out');
  await run('--source', `${FIXTURES}published.zip`, `--dest=${dest}`, '--resolution=8x8');
  const json = JSON.parse(await readFile(`${dest}/dataset.json`, 'utf8'));
  expect(json).toEqual({ labels: [2, 0, 1, 2].map((label, i) => [`00000/img0000000${i}.png`, label]) });
  const shape = [
    '--resolution',
    '8x4',
    '--transform',
    'center-crop-wide',
    '--channels',
    '1',
    '--labels',
    'folders',
  ];
  await run(`${FIXTURES}deflated.zip`, at('wide.zip'), ...shape, '--workers', '1');
  const wide = await openDataset(at('wide.zip'), { labels: true });
  expect(wide).toMatchObject({ resolution: 8, channels: 1, labelNames: ['cat', 'dog'] });
  expect([...(await wide.readImage(0)).subarray(0, 16)]).toEqual(new Array(16).fill(0));
  await wide.close();
});

it('refuses what it cannot do, and leaves nothing', async () => {
  await mkdir(at('refused'));
  const dest = at('refused/x.zip');
  await expect(run('faces')).rejects.toThrow('got no DEST, expected: stylegan dataset SOURCE DEST');
  await expect(run('--dest', dest)).rejects.toThrow('got no SOURCE');
  await expect(run('faces', dest, '--resolution', 'big')).rejects.toThrow('Expected N or WxH');
  await expect(run('faces', dest, '--max-images', '0')).rejects.toThrow('whole number of at least 1');
  await expect(run('faces', dest, '--transform', 'stretch')).rejects.toThrow(
    'Allowed choices are center-crop,',
  );
  await expect(run('faces', dest, '--channels', '2')).rejects.toThrow('Allowed choices are 1, 3, 4');
  await expect(run(at('nothing'), dest)).rejects.toThrow('no such file or folder');
  await expect(run(`${FIXTURES}images.npy`, dest, '--labels', 'folders')).rejects.toThrow(
    'outside any class folder',
  );
  expect(await readdir(at('refused'))).toEqual([]);
  await expect(stat(dest)).rejects.toThrow();
});

function helpOf(): string {
  let text = '';
  const command = datasetCommand().configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}
