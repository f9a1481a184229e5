// How options are read: each reader takes the text as typed and gives the value, or says what it has to look like.
import { InvalidArgumentError } from 'commander';
import { GIVEN_KEY_FORM, parseGivenKey } from '../accounts/api-key.ts';
import { isTimeZone } from '../time-zone.ts';

/** Makes a reader of whole numbers from 1 to `most`. */
export const readCount =
  (most: number) =>
  (text: string): number => {
    const count = Number(text);
    if (!/^[1-9]\d*$/.test(text) || count > most) throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
    return count;
  };

/** Reads a limit: as much as the database's integer holds. */
export const readLimit = readCount(2_147_483_647);

/** Reads an id. The database's go further, but nobody gets that far. */
export const readId = readCount(Number.MAX_SAFE_INTEGER);

/** Reads a name: any text that is not blank. */
export const readName = (text: string): string => {
  const name = text.trim();
  if (name === '') throw new InvalidArgumentError('It must not be blank.');
  return name;
};

/** Reads an API key that the operator chose. */
export const readGivenKey = (text: string): { id: number; secret: string } => {
  const key = parseGivenKey(text);
  if (key === undefined) throw new InvalidArgumentError(`The key ${GIVEN_KEY_FORM}.`);
  return key;
};

/** Reads a time zone. */
export const readZone = (text: string): string => {
  if (!isTimeZone(text)) throw new InvalidArgumentError('It must be an IANA time zone such as Europe/Vienna.');
  return text;
};

/** Reads an e-mail address. */
export const readEmail = (text: string): string => {
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) throw new InvalidArgumentError('It must be an e-mail address.');
  return text;
};
