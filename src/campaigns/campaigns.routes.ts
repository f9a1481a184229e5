// Campaigns over HTTP: list, create, read, update, delete, start and stop.
import { Type } from 'typebox';
import { assistantRefOf } from '../assistants/assistant-ref.ts';
import { waitUntilSent } from '../calls/revoke.store.ts';
import { DomainError } from '../errors.ts';
import { IdParams, Message, MessageWith, ValidationFailed } from '../http/fields.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { Campaign, CampaignCreate, CampaignDetail, CampaignUpdate, StatusRefused, StatusUpdate, StatusUpdated } from './campaign.schema.ts';
import { type CampaignSettings, presentCampaign, presentCampaignDetail, toMove } from './campaign.ts';
import { startCampaign, stopCampaign } from './campaign-status.store.ts';
import { deleteCampaign, findCampaign, insertCampaign, listCampaigns, poolOf, updateCampaign } from './campaigns.store.ts';

const TAGS = ['campaigns'];
const GIVEN_DATA = { invalid: 'The given data was invalid.' } as const;

// Bodies are open: only what is named here gets any further.
const toSettings = (body: Type.Static<typeof CampaignUpdate>): CampaignSettings => ({
  name: body.name,
  timezone: body.timezone,
  max_calls_in_parallel: body.max_calls_in_parallel,
  allowed_hours_start_time: body.allowed_hours_start_time,
  allowed_hours_end_time: body.allowed_hours_end_time,
  allowed_days: body.allowed_days,
  max_retries: body.max_retries,
  retry_interval: body.retry_interval,
  retry_on_voicemail: body.retry_on_voicemail,
  retry_on_goal_incomplete: body.retry_on_goal_incomplete,
  goal_completion_variable: body.goal_completion_variable,
  mark_complete_when_no_leads: body.mark_complete_when_no_leads,
});

const all = (app: App, { db, clock }: RouteDeps): void => {
  app.get(
    '/user/campaigns',
    { schema: { tags: TAGS, summary: 'Every campaign, as a bare array', response: { 200: Type.Array(Campaign) } } },
    async (request) => (await listCampaigns(db, request.account.id)).map(presentCampaign),
  );

  const create = {
    tags: TAGS,
    summary: 'Create a campaign in draft',
    body: CampaignCreate,
    response: { 201: MessageWith(Campaign), 404: Message, 422: ValidationFailed },
  };
  for (const route of spellings(['POST /user/campaign', 'POST /user/campaigns'], create)) {
    app.route({
      ...route,
      config: GIVEN_DATA,
      handler: async (request, reply) => {
        const { body } = request;
        const asked = {
          settings: { ...toSettings(body), name: body.name },
          assistant: assistantRefOf(body.assistant_id),
          phoneNumberIds: body.phone_number_ids,
        };
        const row = await insertCampaign(db, request.account, asked, clock());
        return reply.code(201).send({ message: 'Campaign created successfully', data: presentCampaign(row) });
      },
    });
  }
};

const one = (app: App, { db, clock, purge }: RouteDeps): void => {
  const read = {
    tags: TAGS,
    summary: 'Read a campaign with every setting',
    params: IdParams,
    response: { 200: CampaignDetail, 404: Message },
  };
  for (const route of spellings(['GET /user/campaign/:id', 'GET /user/campaigns/:id'], read)) {
    app.route({
      ...route,
      handler: async (request) => {
        const row = await findCampaign(db, request.account.id, request.params.id);
        if (row === undefined) throw new DomainError('campaign_not_found');
        return presentCampaignDetail(row, await poolOf(db, row.id));
      },
    });
  }

  const update = {
    tags: TAGS,
    summary: 'Change settings of a campaign that is not running',
    params: IdParams,
    body: CampaignUpdate,
    response: { 200: MessageWith(Campaign), 404: Message, 409: Message, 422: ValidationFailed },
  };
  const updates = ['PUT /user/campaign/:id', 'PUT /user/campaigns/:id', 'PATCH /user/campaign/:id', 'PATCH /user/campaigns/:id'] as const;
  for (const route of spellings(updates, update)) {
    app.route({
      ...route,
      config: GIVEN_DATA,
      handler: async (request) => {
        const { assistant_id: assistant, phone_number_ids: phoneNumberIds } = request.body;
        const asked = {
          settings: toSettings(request.body),
          assistant: assistant === undefined ? undefined : assistantRefOf(assistant),
          phoneNumberIds,
        };
        const row = await updateCampaign(db, request.account, request.params.id, asked, clock());
        return { message: 'Campaign updated successfully', data: presentCampaign(row) };
      },
    });
  }

  const remove = {
    tags: TAGS,
    summary: 'Delete a campaign with its leads',
    description: 'A running one is stopped. It is gone at once; a large one is cleared away in the background.',
    params: IdParams,
    response: { 200: Message, 404: Message },
  };
  for (const route of spellings(['DELETE /user/campaign/:id', 'DELETE /user/campaigns/:id'], remove)) {
    app.route({
      ...route,
      handler: async (request) => {
        const sending = await deleteCampaign(db, request.account.id, request.params.id, clock());
        if (sending === undefined) throw new DomainError('campaign_not_found');
        // It is deleted, whatever the wait comes to.
        purge();
        await waitUntilSent(db, { callIds: sending });
        return { message: 'Campaign deleted successfully' };
      },
    });
  }
};

const status = (app: App, { db, clock, wake }: RouteDeps): void => {
  const schema = {
    tags: TAGS,
    summary: 'Start or stop a campaign',
    body: StatusUpdate,
    response: { 200: StatusUpdated, 400: StatusRefused, 404: StatusRefused, 422: ValidationFailed },
  };
  for (const route of spellings(['POST /user/campaigns/update-status', 'POST /user/campaign/update-status'], schema)) {
    app.route({
      ...route,
      config: { ...GIVEN_DATA, badRequest: { success: false } },
      handler: async (request) => {
        const { campaign_id, action } = request.body;
        // The verb before the campaign: a request that nobody could carry out says nothing about what exists.
        const move = toMove(action);
        if (move === undefined) throw new DomainError('campaign_action_invalid');
        const act = move === 'start' ? startCampaign : stopCampaign;
        const result = await act(db, request.account.id, campaign_id, clock());
        if (result === undefined) throw new DomainError('campaign_to_move_not_found', { success: false });
        const data = { campaign_id, status: result.status };
        if (result.refusal !== undefined) throw new DomainError(result.refusal, { data });
        // Once "stopped" is said, nobody's phone rings any more.
        if (move === 'stop') await waitUntilSent(db, { campaignIds: [campaign_id] });
        else wake();
        return { message: `Campaign ${move === 'start' ? 'started' : 'stopped'} successfully.`, success: true, data };
      },
    });
  }
};

export const campaignsRoutes = (app: App, deps: RouteDeps): void => {
  all(app, deps);
  one(app, deps);
  status(app, deps);
};
