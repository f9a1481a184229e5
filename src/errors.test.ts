import { expect, test } from 'vitest';
import { DomainError, ValidationError } from './errors.ts';

test.each([
  ['unauthenticated', 401, 'Unauthenticated.'],
  ['malformed_json', 400, 'Malformed JSON'],
  ['lead_not_found', 404, 'Lead not found'],
  ['campaign_not_found', 404, 'Campaign not found'],
  ['campaign_running', 409, 'Campaign is already in progress'],
  ['too_many_requests', 429, 'Too Many Attempts.'],
] as const)('%s is %i %s', (code, status, sentence) => {
  expect(new DomainError(code)).toMatchObject({ code, statusCode: status, message: sentence, body: {} });
});

test('a refusal may say more than its sentence', () => {
  expect(new DomainError('campaign_not_running', { success: false }).body).toEqual({ success: false });
});

test('broken rules are 422 and keep their fields', () => {
  const errors = { 'secondary_contacts.0.phone_number': ['Invalid phone number'] };
  expect(new ValidationError(errors)).toMatchObject({ statusCode: 422, errors, summary: undefined, message: 'Validation failed' });
  expect(new ValidationError({}, 'Invalid fields: x')).toMatchObject({ message: 'Invalid fields: x', summary: 'Invalid fields: x' });
});
