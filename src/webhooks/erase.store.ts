// What is left of the webhooks of a call that was deleted: that they were, and not what they said.
import type { Db } from '../db/schema.ts';

/**
 * Empties a call's messages and what was answered to them, and cancels what is not delivered yet. One that is being sent at
 * this instant is beyond recall. For the transaction that deletes the call, after its row: whoever ends the call has to be
 * done by then, or to see that it is deleted.
 */
export const eraseWebhooks = async (trx: Db, callId: number, now: Date): Promise<void> => {
  const erased = await trx
    .updateTable('webhook_messages')
    .set((eb) => ({
      payload: null,
      state: eb
        .case()
        .when('state', '=', 'pending')
        .then('cancelled' as const)
        .else(eb.ref('state'))
        .end(),
      next_attempt_at: null,
      lease_until: null,
      updated_at: now,
    }))
    .where('call_id', '=', callId)
    .returning('id')
    .execute();
  // A statement of its own: an attempt that was just recorded held the message, and only now is its row seen.
  for (const { id } of erased) {
    await trx.updateTable('webhook_deliveries').set({ response_body: null }).where('message_id', '=', id).execute();
  }
};
