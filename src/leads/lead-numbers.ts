// All numbers of one lead differ: a contact that repeats the primary or another contact would be called twice.    [pure]
import type { FieldErrors } from '../errors.ts';

/** What is wrong with the contacts' numbers, by field; undefined when all differ. */
export const findRepeatedNumbers = (primary: string, contacts: readonly { phone_number: string }[]): FieldErrors | undefined => {
  const seen = new Set<string>();
  const errors: FieldErrors = {};
  contacts.forEach(({ phone_number: number }, index) => {
    const field = `secondary_contacts.${index}.phone_number`;
    if (number === primary) errors[field] = [`The ${field} field and phone number must be different.`];
    else if (seen.has(number)) errors[field] = [`The ${field} field has a duplicate value.`];
    seen.add(number);
  });
  return Object.keys(errors).length === 0 ? undefined : errors;
};
