// Every metric, by name. Prometheus' conventions: base units, `_total` for what only grows; no label takes values without end.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { DISPOSITIONS } from '../calls/disposition.ts';

/** All that is measured in this process. */
export type Metrics = ReturnType<typeof createMetrics>;

const CLAIM_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LAG_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400];

const createMakers = (registry: Registry) => {
  const registers = [registry];
  return {
    counter: <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Counter<Label>({ name, help, labelNames: [...labelNames], registers }),
    gauge: <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
      new Gauge<Label>({ name, help, labelNames: [...labelNames], registers }),
    histogram: <Label extends string = never>(name: string, help: string, buckets: number[], labelNames: readonly Label[] = []) =>
      new Histogram<Label>({ name, help, buckets, labelNames: [...labelNames], registers }),
  };
};

type Makers = ReturnType<typeof createMakers>;

const dialingMetrics = ({ counter, gauge, histogram }: Makers) => ({
  rounds: counter('outdial_dialer_rounds_total', 'Rounds that the dialer of this process has ended.'),
  roundAge: gauge('outdial_dialer_round_age_seconds', 'Time since the dialer of this process has ended a round.'),
  claims: histogram('outdial_claim_duration_seconds', 'Time that a claim for one campaign took in the database.', CLAIM_BUCKETS),
  reserved: counter('outdial_calls_reserved_total', 'Calls that were reserved for campaigns.'),
  refusals: counter('outdial_refusals_total', 'Claims and due contacts that came to no call, by reason.', ['reason']),
  lag: histogram('outdial_call_due_lag_seconds', 'Time from when a contact was due to when its call was sent.', LAG_BUCKETS),
  placed: counter('outdial_carrier_requests_total', 'Calls that a carrier was asked to place, by its answer.', ['result']),
  placing: histogram('outdial_carrier_request_duration_seconds', 'Time that the carrier took to answer.', REQUEST_BUCKETS),
  ended: counter('outdial_calls_ended_total', 'Calls that have ended, by outcome.', ['outcome']),
});

/** Gauges that one reading of the database sets, and that a database which does not answer clears. */
const stateMetrics = ({ gauge }: Makers) => ({
  running: gauge('outdial_campaigns_in_progress', 'Campaigns in progress.'),
  dialers: gauge('outdial_dialers', 'Dialers that have ended a round within the last 30 seconds, in all processes.'),
  due: gauge('outdial_leads_due', 'Contacts that are due in campaigns in progress; counted up to 20,000.'),
  overdue: gauge('outdial_leads_overdue', 'Contacts that are due for a minute in campaigns that may call now; counted up to 20,000.'),
  overdueAge: gauge('outdial_lead_overdue_seconds', 'How long the contact that has waited longest in campaigns that may call now is due.'),
  lines: gauge('outdial_lines_in_use', 'Lines that calls take.'),
  lineLimit: gauge('outdial_lines_limit', 'Lines that accounts may take which have a campaign in progress or a call on a line.'),
  open: gauge('outdial_calls_open', 'Calls that have not ended, by state; unknown: nobody can say whether it rings.', ['state']),
  paused: gauge('outdial_carrier_paused', '1 while a carrier that refused calls is left alone.', ['carrier']),
  pending: gauge('outdial_webhooks_pending', 'Webhooks that are not delivered yet; counted up to 20,000.'),
  pendingAge: gauge('outdial_webhook_oldest_pending_seconds', 'Age of the oldest webhook that is not delivered yet.'),
  dueAge: gauge('outdial_webhook_oldest_due_seconds', 'How long the oldest webhook is due that nobody delivers at the moment.'),
  imports: gauge('outdial_imports_running', 'Imports that are not finished.'),
});

// A counter that is there from the beginning shows its first increase.
const beginAtZero = (counter: Counter<'result' | 'outcome' | 'status'>, label: string, values: readonly string[]): void => {
  for (const value of values) counter.inc({ [label]: value }, 0);
};

/** Makes a registry with all metrics of Outdial and of the process, all at nothing. */
export const createMetrics = () => {
  const registry = new Registry();
  const makers = createMakers(registry);
  const { counter, gauge, histogram } = makers;
  const metrics = {
    registry,
    dialing: dialingMetrics(makers),
    state: stateMetrics(makers),
    databaseUp: gauge('outdial_database_up', 'Whether the database has answered within three seconds.'),
    unclaimed: gauge('outdial_campaigns_unclaimed', 'Campaigns in progress with somebody due for which nobody claims, by reason.', [
      'reason',
    ]),
    deliveries: counter('outdial_webhook_deliveries_total', 'Attempts to deliver a webhook, by what became of it.', ['result']),
    delivering: histogram('outdial_webhook_delivery_duration_seconds', 'Time that an attempt to deliver a webhook took.', REQUEST_BUCKETS),
    importRows: counter('outdial_import_rows_total', 'Rows of imported files that were dealt with.'),
    importsEnded: counter('outdial_imports_ended_total', 'Imports that have ended, by status.', ['status']),
    requests: counter('outdial_http_requests_total', 'Requests that were answered.', ['route', 'method', 'status']),
    requestTimes: histogram('outdial_http_request_duration_seconds', 'Time that an answer took.', REQUEST_BUCKETS, ['route', 'method']),
    connections: gauge('outdial_database_connections', 'Connections of this process to the database.'),
    idleConnections: gauge('outdial_database_connections_idle', 'Connections of this process that nobody uses at the moment.'),
    waiting: gauge('outdial_database_connection_waits', 'Who waits for a connection at the moment.'),
  };
  beginAtZero(metrics.dialing.placed, 'result', ['accepted', 'rejected', 'unknown']);
  beginAtZero(metrics.dialing.ended, 'outcome', DISPOSITIONS);
  beginAtZero(metrics.deliveries, 'result', ['delivered', 'retried', 'failed']);
  beginAtZero(metrics.importsEnded, 'status', ['completed', 'failed']);
  // Gauges that this process may never set must not show a 0.
  for (const one of [metrics.dialing.roundAge, metrics.connections, metrics.idleConnections, metrics.waiting]) one.remove();
  collectDefaultMetrics({ register: registry });
  return metrics;
};
