// A person at work: requests to a server in a process of its own, with the instants at which they began and were answered.
import type { Act } from './promise-checker.ts';

/** What was answered, and when. */
export interface Answered {
  status: number;
  body: unknown;
  begun: Date;
  answered: Date;
}

/** Asks with a key. */
export const createPerson = (url: string, key: string) => {
  const ask = async (method: string, path: string, body?: object): Promise<Answered> => {
    const begun = new Date();
    const response = await fetch(`${url}/api/user/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // The status line is there: it has been said.
    const answered = new Date();
    return { status: response.status, body: await response.json(), begun, answered };
  };
  const done = async (method: string, path: string, body?: object): Promise<Pick<Act, 'begun' | 'answered'>> => {
    const { status, begun, answered, body: said } = await ask(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(said)}`);
    return { begun, answered };
  };
  return {
    ask,
    move: async (kind: 'start' | 'stop', campaignId: number): Promise<Act> => ({
      kind,
      campaignId,
      ...(await done('POST', 'campaigns/update-status', { campaign_id: campaignId, action: kind })),
    }),
    edit: (campaignId: number, body: object) => done('PUT', `campaign/${campaignId}`, body),
    block: async (number: string): Promise<Act> => ({
      kind: 'block',
      number,
      ...(await done('POST', 'blacklist', { phone_number: number })),
    }),
    complete: async (leadId: number): Promise<Act> => ({
      kind: 'complete',
      leadId,
      leadIds: [leadId],
      ...(await done('PUT', `leads/${leadId}`, { status: 'completed' })),
    }),
    deleteLead: async (leadId: number): Promise<Act> => ({
      kind: 'delete',
      leadIds: [leadId],
      ...(await done('DELETE', `leads/${leadId}`)),
    }),
    /** Nothing of it may ring any more, so it reads as a stop. */
    deleteCampaign: async (campaignId: number): Promise<Act> => ({
      kind: 'stop',
      campaignId,
      ...(await done('DELETE', `campaign/${campaignId}`)),
    }),
  };
};
