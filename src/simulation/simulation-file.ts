// A campaign to rehearse from a file: read with everything that is wrong with it. docs/simulation.md explains each key. [pure]
import { type CampaignSettings, checkSettings, toTimeOfDay, WEEKDAYS, type Weekday, withDefaults } from '../campaigns/campaign.ts';
import { parseSimulation } from '../carriers/simulated/simulation.ts';
import type { MemoryCampaign, MemoryContact } from '../dialer/memory-ledger.ts';
import { isRecord } from '../is-record.ts';
import { toE164 } from '../phone.ts';
import type { Rehearsal } from './simulate.ts';
import { simulationOr } from './typical.ts';

type Read = { readonly ok: true; readonly rehearsal: Rehearsal } | { readonly ok: false; readonly problems: readonly string[] };

const KEYS = ['campaign', 'assistant', 'max_parallel_calls', 'numbers', 'leads', 'contacts_per_lead', 'blacklist'];
const CAMPAIGN_KEYS = [
  'name',
  'timezone',
  'max_calls_in_parallel',
  'mark_complete_when_no_leads',
  'allowed_hours_start_time',
  'allowed_hours_end_time',
  'allowed_days',
  'max_retries',
  'retry_interval',
  'retry_on_voicemail',
  'retry_on_goal_incomplete',
  'goal_completion_variable',
  'simulation',
];
const ASSISTANT_KEYS = ['ringing_time', 'max_duration', 'post_call_evaluation'];
const LEAD_KEYS = ['phone_number', 'secondary_contacts'];
const MOST_LEADS = 1_000_000;
const MOST_CONTACTS = 10;
const USUAL_LINES = 10;

/** Reads one value after the other; what is wrong is collected. */
const createReader = () => {
  const problems: string[] = [];
  const read =
    <Value>(isOne: (value: unknown) => value is Value, must: string) =>
    (from: Record<string, unknown>, key: string, where: string): Value | undefined => {
      const value = from[key];
      if (value === undefined || value === null) return undefined;
      if (isOne(value)) return value;
      problems.push(`${where}${key} must be ${must}.`);
      return undefined;
    };
  const strangers = (value: object, known: readonly string[], where: string): void => {
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) problems.push(`${where}${key} is not known; there are ${known.join(', ')}.`);
    }
  };
  return { problems, read, strangers };
};

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isTime = (value: unknown): value is string => typeof value === 'string' && toTimeOfDay(value) !== undefined;
const isDays = (value: unknown): value is Weekday[] => Array.isArray(value) && value.every((one) => WEEKDAYS.includes(one));
const isObject = (value: unknown): value is Record<string, unknown> => isRecord(value);
const isList = (value: unknown): value is unknown[] => Array.isArray(value);
const isWhole =
  (from: number, to: number) =>
  (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= from && Number(value) <= to;

type Reader = ReturnType<typeof createReader>;

const readSettings = ({ read }: Reader, value: Record<string, unknown>): CampaignSettings => {
  const where = 'campaign.';
  const text = read(isText, 'a text');
  const flag = read(isFlag, 'true or false');
  const time = read(isTime, 'a time of day such as 09:00');
  return {
    name: text(value, 'name', where),
    timezone: text(value, 'timezone', where),
    max_calls_in_parallel: read(isWhole(1, MOST_LEADS), 'a whole number, 1 or more')(value, 'max_calls_in_parallel', where),
    mark_complete_when_no_leads: flag(value, 'mark_complete_when_no_leads', where),
    allowed_hours_start_time: time(value, 'allowed_hours_start_time', where),
    allowed_hours_end_time: time(value, 'allowed_hours_end_time', where),
    allowed_days: read(isDays, `a list of ${WEEKDAYS.join(', ')}`)(value, 'allowed_days', where),
    max_retries: read(isWhole(1, 5), 'a whole number from 1 to 5')(value, 'max_retries', where),
    retry_interval: read(isWhole(10, 4320), 'a whole number of minutes from 10 to 4320')(value, 'retry_interval', where),
    retry_on_voicemail: flag(value, 'retry_on_voicemail', where),
    retry_on_goal_incomplete: flag(value, 'retry_on_goal_incomplete', where),
    goal_completion_variable: text(value, 'goal_completion_variable', where),
  };
};

// Phone numbers, from a list or made up: +999 is no country's.
const madeUp = (index: number): string => `+999${String(index).padStart(9, '0')}`;

const toNumber = ({ problems }: Reader, value: unknown, where: string): string => {
  const number = typeof value === 'string' ? toE164(value) : undefined;
  if (number === undefined) problems.push(`${where} must be a phone number such as +12025550100.`);
  return number ?? '';
};

const readFamily = (reader: Reader, value: unknown, index: number): string[] => {
  const where = `leads[${index}]`;
  if (typeof value === 'string') return [toNumber(reader, value, where)];
  if (!isRecord(value)) {
    reader.problems.push(`${where} must be a phone number, or an object with phone_number.`);
    return [];
  }
  reader.strangers(value, LEAD_KEYS, `${where}.`);
  const contacts = reader.read(isList, 'a list')(value, 'secondary_contacts', `${where}.`) ?? [];
  if (contacts.length > MOST_CONTACTS) reader.problems.push(`${where}.secondary_contacts must not be more than ${MOST_CONTACTS}.`);
  return [
    toNumber(reader, value.phone_number, `${where}.phone_number`),
    ...contacts.map((one, place) => toNumber(reader, isRecord(one) ? one.phone_number : one, `${where}.secondary_contacts[${place}]`)),
  ];
};

const readFamilies = (reader: Reader, value: Record<string, unknown>): string[][] => {
  const isCount = isWhole(1, MOST_LEADS);
  const many = reader.read(isWhole(0, MOST_CONTACTS), `a whole number from 0 to ${MOST_CONTACTS}`)(value, 'contacts_per_lead', '');
  const { leads } = value;
  if (isCount(leads)) {
    const size = 1 + (many ?? 0);
    return Array.from({ length: leads }, (_, lead) => Array.from({ length: size }, (_, place) => madeUp(lead * size + place + 1)));
  }
  if (many !== undefined) reader.problems.push('contacts_per_lead goes with a number of leads, not with a list.');
  if (Array.isArray(leads) && leads.length > 0) return leads.map((one: unknown, index) => readFamily(reader, one, index));
  reader.problems.push(`leads must be a number from 1 to ${MOST_LEADS}, or a list of leads.`);
  return [];
};

const toContacts = (families: readonly (readonly string[])[], blacklist: ReadonlySet<string>, from: Date): MemoryContact[] => {
  let id = 0;
  return families.flatMap((numbers) => {
    const primaryId = id + 1;
    return numbers.map((phoneNumber, place): MemoryContact => {
      id += 1;
      const blocked = blacklist.has(phoneNumber);
      return {
        id,
        campaignId: 1,
        primaryId: place === 0 ? null : primaryId,
        phoneNumber,
        variables: {},
        status: blocked ? 'blacklisted' : 'created',
        dueAt: place === 0 && !blocked ? from : null,
        tries: 0,
        lastAttemptNo: 0,
        lastCallerId: null,
        lost: false,
      };
    });
  });
};

const readSimulationOf = ({ problems }: Reader, value: unknown, isList: boolean): Record<string, unknown> | null => {
  // Numbers that somebody wrote down may be meant by their last digits.
  if (value === undefined || value === null) return isList ? null : simulationOr(null);
  const parsed = parseSimulation(value);
  if (!parsed.ok) problems.push(...parsed.problems.map((problem) => `campaign.simulation: ${problem}`));
  return isRecord(value) ? simulationOr(value) : null;
};

const toCampaign = (
  settings: CampaignSettings,
  lines: number,
  numbers: readonly string[],
  assistant: Record<string, unknown>,
  simulation: Record<string, unknown> | null,
): MemoryCampaign => {
  const whole = withDefaults(settings, lines);
  const goal = whole.goal_completion_variable;
  return {
    id: 1,
    accountId: 1,
    assistantId: 1,
    name: settings.name ?? 'Rehearsal',
    status: 'draft',
    window: {
      zone: whole.timezone ?? 'UTC',
      days: whole.allowed_days,
      start: whole.allowed_hours_start_time,
      end: whole.allowed_hours_end_time,
    },
    policy: {
      maxRetries: whole.max_retries,
      retryIntervalMinutes: whole.retry_interval,
      retryOnVoicemail: whole.retry_on_voicemail,
      goal: whole.retry_on_goal_incomplete ? goal : null,
    },
    cap: whole.max_calls_in_parallel,
    accountCap: lines,
    completesWhenDone: whole.mark_complete_when_no_leads,
    numbers: numbers.map((phoneNumber, index) => ({ id: index + 1, phoneNumber, uses: 0, lastUsedAt: null })),
    settings: {
      assistant_settings: assistant,
      post_call_schema: goal === null ? [] : [{ name: goal, type: 'bool', description: '' }],
      goal_completion_variable: goal,
      simulation,
    },
    variables: {},
  };
};

/** Reads a file's JSON value. `from`: when its leads are first due. */
export const readRehearsal = (value: unknown, from: Date): Read => {
  if (!isRecord(value)) return { ok: false, problems: ['The file must hold a JSON object.'] };
  const reader = createReader();
  const { problems, read, strangers } = reader;
  strangers(value, KEYS, '');
  const given = read(isObject, 'an object')(value, 'campaign', '') ?? {};
  strangers(given, CAMPAIGN_KEYS, 'campaign.');
  const assistant = read(isObject, 'an object')(value, 'assistant', '') ?? {};
  strangers(assistant, ASSISTANT_KEYS, 'assistant.');
  const seconds = read(isWhole(1, 7200), 'a whole number of seconds');
  for (const key of ['ringing_time', 'max_duration']) seconds(assistant, key, 'assistant.');
  read(isFlag, 'true or false')(assistant, 'post_call_evaluation', 'assistant.');
  const settings = readSettings(reader, given);
  const lines = read(isWhole(1, MOST_LEADS), 'a whole number, 1 or more')(value, 'max_parallel_calls', '');
  // Whoever asks for more lines and does not say what the account has means as many.
  const accountLines = lines ?? Math.max(USUAL_LINES, settings.max_calls_in_parallel ?? 0);
  problems.push(...Object.values(checkSettings(settings, accountLines)).flat());
  if (settings.retry_on_goal_incomplete === true && settings.goal_completion_variable === undefined)
    problems.push('campaign.goal_completion_variable must name the goal that retry_on_goal_incomplete waits for.');
  const simulation = readSimulationOf(reader, given.simulation, Array.isArray(value.leads));
  const families = readFamilies(reader, value);
  const list = (key: string) => (read(isList, 'a list of phone numbers')(value, key, '') ?? []).map((one) => toNumber(reader, one, key));
  const numbers = value.numbers === undefined ? ['+12025550100'] : list('numbers');
  const blacklist = list('blacklist');
  if (problems.length > 0) return { ok: false, problems };
  const campaign = toCampaign(settings, accountLines, numbers, assistant, simulation);
  return { ok: true, rehearsal: { campaign, leads: toContacts(families, new Set(blacklist), from), blacklist } };
};
