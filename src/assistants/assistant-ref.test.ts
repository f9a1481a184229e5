import { expect, test } from 'vitest';
import { assistantRefOf, parseAssistantRef } from './assistant-ref.ts';

const UUID = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f90a1b2c3';

test.each([
  [12, { id: 12 }],
  ['12', { id: 12 }],
  [' 12 ', { id: 12 }],
  [UUID, { uuid: UUID }],
  [UUID.toUpperCase(), { uuid: UUID }],
  ['9'.repeat(30), { id: Number.MAX_SAFE_INTEGER }],
  [1e30, { id: Number.MAX_SAFE_INTEGER }],
  [0, undefined],
  [-1, undefined],
  [1.5, undefined],
  [Number.NaN, undefined],
  ['0', undefined],
  ['012', undefined],
  ['+12', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['', undefined],
  ['outbound', undefined],
  [`${UUID}x`, undefined],
  ['12\0', undefined],
  [UUID.replaceAll('-', ''), undefined],
  [true, undefined],
  [null, undefined],
  [undefined, undefined],
  [[12], undefined],
  [{ id: 12 }, undefined],
])('%j', (value, ref) => {
  expect(parseAssistantRef(value)).toEqual(ref);
  expect(assistantRefOf(value)).toEqual(ref ?? { id: Number.MAX_SAFE_INTEGER });
});
