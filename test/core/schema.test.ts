import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { faultOf } from '../../src/core/schema.ts';

const schema = z.strictObject({
  count: z.number().int().min(1).max(8).optional(),
  rate: z.number().positive().lt(1).optional(),
  name: z.string().min(1).optional(),
  list: z.array(z.string()).min(2).optional(),
  kind: z.enum(['skip', 'resnet']).optional(),
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  inner: z.object({ flag: z.boolean() }).optional(),
  power: z
    .number()
    .refine((n) => n === 4, { message: 'expected a power of two' })
    .optional(),
});

describe('what a schema refused', () => {
  it.each<[unknown, string, string, string]>([
    [{ count: 0 }, 'count', '0', 'at least 1'],
    [{ count: 9 }, 'count', '9', 'at most 8'],
    [{ count: 2.5 }, 'count', '2.5', 'a whole number'],
    [{ count: '2' }, 'count', '2', 'a number'],
    [{ count: null }, 'count', 'null', 'a number'],
    [{ rate: 0 }, 'rate', '0', 'above 0'],
    [{ rate: 1 }, 'rate', '1', 'below 1'],
    [{ rate: Number.NaN }, 'rate', 'NaN', 'a number'],
    [{ name: '' }, 'name', 'an empty text', 'at least 1 character'],
    [{ name: ['a'] }, 'name', 'a list of 1', 'text'],
    [{ list: ['a'] }, 'list', 'a list of 1', 'at least 2 elements'],
    [{ list: ['a', 1] }, 'list.1', '1', 'text'],
    [{ list: {} }, 'list', 'an object', 'a list'],
    [{ kind: 'u-net\nx' }, 'kind', 'u-net?x', 'one of skip, resnet'],
    [{ channels: 2 }, 'channels', '2', '1 or 3'],
    [{ inner: {} }, 'inner.flag', 'nothing', 'true or false'],
    [{ power: 3 }, 'power', '3', 'a power of two'],
    [{ gama: 1 }, '', 'gama', 'no such key'],
    [[], '', 'a list of 0', 'an object'],
  ])('%j', (value, path, got, expected) => {
    const { error } = schema.safeParse(value);
    expect(error).toBeDefined();
    expect(faultOf(error!, value)).toEqual({ path, got, expected });
  });
});
