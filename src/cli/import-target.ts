// The campaign that an import goes to. It is made, and an assistant with it, where there is none of that name; what was
// made can be taken back when the import is refused.
import { starterAssistant } from '../assistants/starter-assistant.ts';
import type { Connection } from './connect.ts';
import { CommandError, type Output } from './output.ts';

/** A campaign or an assistant, as much of it as a command needs. */
export interface Named {
  id: number;
  name: string;
}

/** Something made on the way. */
export interface Made {
  what: string;
  path: string;
}

const outboundAssistant = async (api: Connection, made: Made[], output: Output): Promise<number> => {
  const [first] = await api.request<Named[]>('GET', '/api/user/assistants/outbound');
  if (first !== undefined) return first.id;
  const { data } = await api.request<{ data: Named }>('POST', '/api/user/assistant', starterAssistant());
  made.push({ what: `the assistant "${data.name}"`, path: `/api/user/assistant/${data.id}` });
  output.note(`Made the assistant "${data.name}" (id ${data.id}), since there was none: change it before you call anybody.`);
  return data.id;
};

/** The campaign of that id or name. One that does not exist is made, if it was named; `made` then says what was. */
export const findOrMakeCampaign = async (api: Connection, idOrName: string, made: Made[], output: Output): Promise<Named> => {
  const campaigns = await api.request<Named[]>('GET', '/api/user/campaigns');
  const name = idOrName.trim();
  const byId = /^\d+$/.test(name) ? campaigns.find(({ id }) => id === Number(name)) : undefined;
  if (byId !== undefined) return byId;
  const [match, ...others] = campaigns.filter((one) => one.name === name);
  if (others.length > 0)
    throw new CommandError(
      `Several campaigns are called "${name}": name one by its id (${[match, ...others].map((one) => one?.id).join(', ')}).`,
    );
  if (match !== undefined) return match;
  if (name === '' || /^\d+$/.test(name)) throw new CommandError(`There is no campaign ${idOrName}.`);
  const { data } = await api.request<{ data: Named }>('POST', '/api/user/campaign', {
    name,
    assistant_id: await outboundAssistant(api, made, output),
  });
  made.push({ what: `the campaign "${data.name}"`, path: `/api/user/campaign/${data.id}` });
  output.note(`Made the campaign "${data.name}" (id ${data.id}) as a draft.`);
  return data;
};

/** Removes what was made, the last first. @returns what has come of it, in sentences. */
export const takeBack = async (api: Connection, made: readonly Made[]): Promise<string[]> => {
  const removed: string[] = [];
  const kept: string[] = [];
  for (const { what, path } of made.toReversed()) {
    try {
      await api.request('DELETE', path);
      removed.push(what);
    } catch (error) {
      kept.push(`${what} (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  return [
    ...(removed.length === 0 ? [] : [`Removed again, since made for this import: ${removed.join(', ')}.`]),
    ...(kept.length === 0 ? [] : [`Made for this import, but could not be removed again: ${kept.join(', ')}.`]),
  ];
};
