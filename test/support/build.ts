// What a test needs to exist first, made through the API as a client would. Fields that a test gives replace the usual ones.
import type { Answer, Api } from './app.ts';

/** What was made: its id, and the object as the API answered it. */
export interface Built {
  id: number;
  // biome-ignore lint/suspicious/noExplicitAny: the same looking-in as Answer.body.
  body: any;
}

type Fields = Record<string, unknown>;

const made = (what: string, { status, body, raw }: Answer): Built => {
  const object = body?.data ?? body;
  if (status >= 300 || typeof object?.id !== 'number') throw new Error(`No ${what} was made: ${status} ${raw}`);
  return { id: object.id, body: object };
};

let last = 0;
let prefix = 200;

/** Has both kinds of numbers begin anew: there are few of them. */
export const beginNumbersAnew = (): void => {
  last = 0;
  prefix = 200;
};

/** A number that no other call of this file has given: +12025550100 and on, 800 of them. */
export const nextNumber = (): string => {
  const line = 100 + (last++ % 800);
  return `+1202555${String(line).padStart(4, '0')}`;
};

/** A number that no other call of this file has given and that ends in two digits: the simulated carrier's script. */
export const numberEndingIn = (digits: string): string => `+1${prefix++}55501${digits}`;

/** An outbound assistant with a time zone, of the catalogue's first voice and model. */
export const buildAssistant = async (api: Api, fields: Fields = {}): Promise<Built> => {
  const [voices, models] = await Promise.all([
    api.get('/api/user/assistants/voices?mode=pipeline'),
    api.get('/api/user/assistants/models?type=llm'),
  ]);
  const usual = {
    name: 'Renewal desk',
    type: 'outbound',
    mode: 'pipeline',
    voice_id: voices.body[0].id,
    language_id: voices.body[0].language_id,
    llm_model_id: models.body[0].id,
    timezone: 'Europe/Vienna',
    initial_message: 'Hello, this is the renewal desk.',
    system_prompt: 'Ask whether the customer wants to renew.',
  };
  return made('assistant', await api.post('/api/user/assistant', { ...usual, ...fields }));
};

/** A campaign in draft; its assistant is made too where `assistant_id` is not given. */
export const buildCampaign = async (api: Api, fields: Fields = {}): Promise<Built> => {
  const assistant_id = fields.assistant_id ?? (await buildAssistant(api)).id;
  return made('campaign', await api.post('/api/user/campaign', { name: 'Spring renewals', ...fields, assistant_id }));
};

/** A lead with a number of its own; its campaign is made too where `campaign_id` is not given. */
export const buildLead = async (api: Api, fields: Fields = {}): Promise<Built> => {
  const campaign_id = fields.campaign_id ?? (await buildCampaign(api)).id;
  return made('lead', await api.post('/api/user/lead', { phone_number: nextNumber(), ...fields, campaign_id }));
};

/** A phone number that the account brings. */
export const buildNumber = async (api: Api, fields: Fields = {}): Promise<Built> =>
  made('phone number', await api.post('/api/user/phone-numbers', { phone_number: nextNumber(), nickname: 'Desk', ...fields }));
