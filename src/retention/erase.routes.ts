// Erasing a person by number. No document has it; it is ours.
import { Type } from 'typebox';
import { Bool, Message, Phone, ValidationFailed } from '../http/fields.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { eraseNumber } from './erase.store.ts';
import { ERASED_KINDS, erasureSentence } from './erasure.ts';

const Erased = Type.Object(
  {
    message: Type.String(),
    dry_run: Type.Boolean(),
    erased: Type.Object(Object.fromEntries(ERASED_KINDS.map((kind) => [kind, Type.Integer()])), {
      additionalProperties: false,
      description: 'How many of each kind; of idempotency_keys, how many kept answers were emptied.',
    }),
  },
  { additionalProperties: false },
);

export const eraseRoutes = (app: App, { db, clock }: RouteDeps): void => {
  const schema = {
    tags: ['account'],
    summary: 'Erase a person by number',
    description:
      'Removes leads with the number with all their contacts, contacts with it of other leads, calls to all of those with what was said and told, and every mention in ' +
      'imports and kept answers. Only an entry of the blacklist stays. While such a call is under way it is refused, and nothing is erased.',
    body: Type.Object({
      phone_number: Phone(),
      dry_run: Type.Optional(Bool({ description: 'Only count what would be removed.' })),
    }),
    response: { 200: Erased, 409: Message, 422: ValidationFailed },
  };
  app.post('/user/erase', { schema }, async (request) => {
    const { phone_number: number, dry_run: dryRun = false } = request.body;
    const erased = await eraseNumber(db, { accountId: request.account.id, number, dryRun }, clock);
    return { message: erasureSentence(erased, dryRun), dry_run: dryRun, erased };
  });
};
