import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isExported, LEAD_COLUMNS, type LeadColumn, nameLeadColumn, readLeadColumn } from './lead-columns.ts';

describe('the name of a column', () => {
  test.each<[LeadColumn, string]>([
    [{ kind: 'lead', field: 'status' }, 'status'],
    [{ kind: 'variable', name: 'city' }, 'city'],
    [{ kind: 'variable', name: 'First Name' }, 'First Name'],
    [{ kind: 'variable', name: 'status' }, 'var.status'],
    [{ kind: 'variable', name: 'var.x' }, 'var.var.x'],
    [{ kind: 'variable', name: '' }, 'var.'],
    [{ kind: 'variable', name: 'secondary_phone_1' }, 'var.secondary_phone_1'],
    [{ kind: 'variable', name: 'secondary_2_city' }, 'var.secondary_2_city'],
    [{ kind: 'variable', name: 'secondary_11_city' }, 'secondary_11_city'],
    [{ kind: 'contact', slot: 10, field: 'phone_number' }, 'secondary_phone_10'],
    [{ kind: 'contact', slot: 1, field: 'status' }, 'secondary_1_status'],
    [{ kind: 'contact_variable', slot: 1, name: 'city' }, 'secondary_1_city'],
    [{ kind: 'contact_variable', slot: 1, name: 'status' }, 'secondary_1_var.status'],
    [{ kind: 'contact_variable', slot: 3, name: 'a_b' }, 'secondary_3_a_b'],
  ])('%o is %s', (column, name) => {
    expect(nameLeadColumn(column)).toBe(name);
    expect(readLeadColumn(name)).toEqual(column);
  });

  test('names any variable so that it is read as that one', () => {
    const tricky = fc.constantFrom('id', 'var.', 'var.id', 'secondary_', 'secondary_1_', 'secondary_phone_1', 'status', '_', '1');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(tricky, { maxLength: 3 }).map((all) => all.join('')),
        ),
        fc.integer({ min: 1, max: 10 }),
        (name, slot) => {
          for (const column of [
            { kind: 'variable', name },
            { kind: 'contact_variable', slot, name },
          ] as const)
            expect(readLeadColumn(nameLeadColumn(column))).toEqual(column);
        },
      ),
    );
  });
});

test('a file is an exported one when it has all that every lead has', () => {
  expect(isExported(['city', ...LEAD_COLUMNS])).toBe(true);
  expect(isExported(LEAD_COLUMNS.slice(1))).toBe(false);
});
