// Phone numbers that calls are made from, in the two shapes of the wire. They are the user's own trunk's. Pure.
import type { PhoneNumberRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

type NumberType = PhoneNumberRow['type'];

// The documents word `normal` differently on the two pages.
const ASSIGNABLE_LABEL: Record<NumberType, string> = { normal: 'Normal', sip: 'SIP', caller_id: 'Caller ID' };
const LABEL: Record<NumberType, string> = { ...ASSIGNABLE_LABEL, normal: 'Dedicated Number' };

/** A number with whether an inbound assistant answers it. */
export type ListedNumber = PhoneNumberRow & { answered: boolean };

/** Whether a new inbound assistant could answer it: nobody can call a number that is only shown. */
export const isFreeForInbound = (row: ListedNumber): boolean => row.type !== 'caller_id' && !row.answered;

/** `GET /user/assistants/phone-numbers`. */
export const presentAssignable = (row: ListedNumber) => ({
  id: row.id,
  phone_number: row.phone_number,
  country_code: row.country_code,
  type_label: ASSIGNABLE_LABEL[row.type],
  is_available: isFreeForInbound(row),
});

/** Everywhere else. Nothing is rented and no message is sent here, so the last fields say always the same. */
export const presentNumber = (row: PhoneNumberRow) => ({
  id: row.id,
  phone_number: row.phone_number,
  nickname: row.nickname,
  country_code: row.country_code,
  type: row.type,
  type_label: LABEL[row.type],
  sms_capable: false,
  region: null,
  has_active_subscription: true,
  created_at: toIsoMicro(row.created_at),
});
