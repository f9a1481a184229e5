import { describe, expect, test } from 'vitest';
import { isPhoneFilter, toPhonePattern } from './phone.ts';

describe('toPhonePattern', () => {
  test.each([
    ['5550143', '%5550143%'],
    ['+1202', '+1202%'],
    ['+', '+%'],
    ['+1 (202) 555-01.43', '+12025550143%'],
    ['(202)', '%202%'],
    ['1+2', ''],
    ['++1', ''],
    ['%', ''],
    ['_', ''],
    ['1%2', ''],
    ['\\', ''],
    ["1' or '1'='1", ''],
    ['٣', ''],
    ['１２', ''],
    ['1\t2', ''],
  ])('%s', (text, expected) => {
    expect(toPhonePattern(text)).toEqual(expected);
  });
});

describe('isPhoneFilter', () => {
  test.each([[' '], ['---'], ['( . )'], ['']])('%o is nothing to look for', (text) => {
    expect(isPhoneFilter(text)).toBe(false);
  });
  test.each([['1'], ['+'], ['%'], ['(1)']])('%o is something', (text) => {
    expect(isPhoneFilter(text)).toBe(true);
  });
});
