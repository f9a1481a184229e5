// The look-ups that an assistant's form needs. They answer bare arrays from the catalogue, the same for every account.
import { type TSchema, Type } from 'typebox';
import { Id, Nullable, OneOf, ValidationFailed } from '../http/fields.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { LANGUAGES, LLM_MODELS, MODES } from './catalogue.ts';
import { listSynthesizers, listTranscribers, listVoices, speechModelsOf } from './lookups.ts';

const closed = { additionalProperties: false };

const Language = Type.Object({ id: Type.Integer(), name: Type.String(), iso_2: Type.String({ minLength: 2, maxLength: 2 }) }, closed);

const Model = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    code: Type.Optional(Type.String({ description: 'Of multimodal and dualplex models only.' })),
  },
  closed,
);

const Voice = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    language_id: Type.Integer(),
    gender: Type.String(),
    preview_url: Nullable(Type.String()),
    accent: Nullable(Type.String()),
    age: Nullable(Type.String()),
    synthesizer_provider_id: Nullable(Type.Integer()),
  },
  closed,
);

const Provider = Type.Object({ id: Type.Integer(), name: Type.String(), code: Type.String() }, closed);

const ByLanguage = Type.Object({ language_id: Type.Optional(Id({ description: 'Only what serves this language.' })) });

const lookup = <Row extends TSchema, Query extends TSchema>(summary: string, row: Row, querystring: Query) => ({
  schema: { tags: ['lookups'], summary, querystring, response: { 200: Type.Array(row), 422: ValidationFailed } },
});

/** The five look-ups. */
export const catalogueRoutes = (app: App, _deps: RouteDeps): void => {
  app.get('/user/assistants/languages', lookup('Languages', Language, Type.Object({})), async () => [...LANGUAGES]);

  const byType = Type.Object({ type: Type.Optional(OneOf(['llm', 'multimodal', 'dualplex'], { default: 'llm' })) });
  app.get('/user/assistants/models', lookup('Models of a kind', Model, byType), async ({ query: { type = 'llm' } }) =>
    type === 'llm' ? LLM_MODELS.map(({ id, name }) => ({ id, name })) : speechModelsOf(type),
  );

  const byUse = Type.Object({ mode: Type.Optional(OneOf(MODES)), ...ByLanguage.properties });
  app.get('/user/assistants/voices', lookup('Voices', Voice, byUse), async ({ query: { mode, language_id } }) =>
    listVoices({ mode, languageId: language_id }),
  );

  app.get('/user/assistants/synthesizer-providers', lookup('Text-to-speech providers', Provider, ByLanguage), async ({ query }) => [
    ...listSynthesizers(query.language_id),
  ]);

  app.get('/user/assistants/transcriber-providers', lookup('Speech-to-text providers', Provider, ByLanguage), async ({ query }) => [
    ...listTranscribers(query.language_id),
  ]);
};
