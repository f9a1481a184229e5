// The six switches of an assistant's webhooks. The documented form names the assistant in the body; some clients put it
// into the path, and then the body need not.
import { type Static, Type } from 'typebox';
import { DomainError, ValidationError } from '../errors.ts';
import { Message, ValidationFailed } from '../http/fields.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { AssistantId } from './assistant.schema.ts';
import { parseAssistantRef } from './assistant-ref.ts';
import { changeWebhook, type WebhookChange } from './assistants.store.ts';
import { WebhookUrl } from './kind.schema.ts';

const Done = Type.Object({ message: Type.String(), data: Type.Array(Type.Unknown(), { maxItems: 0 }) }, { additionalProperties: false });

const params = Type.Object({ id: Type.String({ description: "The assistant's id or uuid." }) });
const On = Type.Object({ webhook_url: WebhookUrl });
const Off = Type.Object({});
const OnBody = Type.Object({ assistant_id: AssistantId, webhook_url: WebhookUrl });
const OffBody = Type.Object({ assistant_id: AssistantId });

interface Switch {
  /** The last step of the documented path. */
  name: string;
  summary: string;
  /** As the documents word it; enabling the inbound one is not told apart there. */
  message: string;
  /** What it sets. The URL is undefined when the switch takes none. */
  change: (url: string) => WebhookChange;
  on: boolean;
  /** A further last step of the form with the assistant in the path. */
  short?: string;
}

const SWITCHES: readonly Switch[] = [
  {
    name: 'enable-webhook',
    short: 'webhook',
    summary: 'Send the post-call webhook to a URL',
    message: 'Webhook enabled successfully',
    change: (url) => ({ is_webhook_active: true, webhook_url: url }),
    on: true,
  },
  {
    name: 'disable-webhook',
    summary: 'Stop the post-call webhook and forget its URL',
    message: 'Webhook disabled successfully',
    change: () => ({ is_webhook_active: false, webhook_url: null }),
    on: false,
  },
  {
    name: 'enable-inbound-webhook',
    short: 'inbound-webhook',
    summary: 'Keep a URL for inbound calls',
    message: 'Webhook enabled successfully',
    change: (url) => ({ inbound_webhook_url: url }),
    on: true,
  },
  {
    name: 'disable-inbound-webhook',
    summary: 'Forget the URL for inbound calls',
    message: 'Inbound webhook disabled successfully',
    change: () => ({ inbound_webhook_url: null }),
    on: false,
  },
  {
    name: 'enable-conversation-ended-webhook',
    short: 'conversation-ended-webhook',
    summary: 'Keep a URL for ended conversations',
    message: 'Conversation ended webhook enabled successfully',
    change: (url) => ({ conversation_ended_webhook_url: url }),
    on: true,
  },
  {
    name: 'disable-conversation-ended-webhook',
    summary: 'Forget the URL for ended conversations',
    message: 'Conversation ended webhook disabled successfully',
    change: () => ({ conversation_ended_webhook_url: null }),
    on: false,
  },
];

const config = { invalid: 'The given data was invalid.' } as const;

/** Registers every spelling of the six switches. */
export const webhookSwitches = (app: App, { db, clock }: RouteDeps): void => {
  for (const { name, summary, message, change, on, short } of SWITCHES) {
    const schema = { tags: ['assistants'], summary, response: { 200: Done, 404: Message, 422: ValidationFailed } };

    app.post(`/user/assistants/${name}`, { config, schema: { ...schema, body: on ? OnBody : OffBody } }, async (request) => {
      const { assistant_id, webhook_url = '' }: Static<typeof OffBody> & { webhook_url?: string } = request.body;
      const ref = parseAssistantRef(assistant_id);
      if (ref === undefined) throw new ValidationError({ assistant_id: ['The assistant id field must be an integer.'] });
      await changeWebhook(db, request.account.id, ref, change(webhook_url), clock());
      return { message, data: [] };
    });

    const inPath = [`/user/assistant/:id/${name}`, `/user/assistants/:id/${name}`];
    const shorter = short === undefined ? [] : [`/user/assistants/:id/${short}`, `/user/assistant/:id/${short}`];
    const [first = '', ...others] = [...inPath, ...shorter].map((path) => `POST ${path}`);
    for (const route of spellings([first, ...others], { ...schema, params, body: on ? On : Off })) {
      app.route({
        ...route,
        config,
        handler: async (request) => {
          const { webhook_url = '' }: { webhook_url?: string } = request.body;
          const ref = parseAssistantRef(request.params.id);
          if (ref === undefined) throw new DomainError('assistant_not_found');
          await changeWebhook(db, request.account.id, ref, change(webhook_url), clock());
          return { message, data: [] };
        },
      });
    }
  }
};
