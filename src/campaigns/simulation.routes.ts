// A campaign's simulation over HTTP: how its calls turn out when nobody is phoned.
import { Type } from 'typebox';
import { DomainError, ValidationError } from '../errors.ts';
import { IdParams, Message, MessageWith, Nullable, ValidationFailed, VariablesOut } from '../http/fields.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { findCampaign } from './campaigns.store.ts';
import { setSimulation } from './simulation.store.ts';
import { checkSimulation } from './simulation.ts';

const PATH = '/user/campaigns/:id/simulation';
const TAGS = ['campaigns'];

const Simulation = Type.Object(
  { simulation: Nullable(VariablesOut, { description: 'Null: the last digits of each number decide.' }) },
  { additionalProperties: false },
);

const SimulationUpdate = Type.Object({
  simulation: Nullable(VariablesOut, {
    description: 'mix, goal_rate, report_rate, faults, ring_seconds, talk_seconds, late_seconds and seed; each may be left out.',
  }),
});

export const simulationRoutes = (app: App, { db, clock }: RouteDeps): void => {
  const read = {
    tags: TAGS,
    summary: "How a campaign's calls turn out on the simulated carrier",
    params: IdParams,
    response: { 200: Simulation, 404: Message },
  };
  app.get(PATH, { schema: read }, async (request) => {
    const row = await findCampaign(db, request.account.id, request.params.id);
    if (row === undefined) throw new DomainError('campaign_not_found');
    return { simulation: row.simulation };
  });

  const update = {
    tags: TAGS,
    summary: 'Set how its calls turn out on the simulated carrier',
    params: IdParams,
    body: SimulationUpdate,
    response: { 200: MessageWith(Simulation), 404: Message, 409: Message, 422: ValidationFailed },
  };
  app.put(PATH, { schema: update, config: { invalid: 'The given data was invalid.' } }, async (request) => {
    const { simulation } = request.body;
    const errors = simulation === null ? {} : checkSimulation(simulation);
    if (Object.keys(errors).length > 0) throw new ValidationError(errors);
    await setSimulation(db, request.account.id, request.params.id, simulation, clock());
    return { message: 'Simulation updated successfully', data: { simulation } };
  });
};
