// Acts that meet in the same instant: a blocked number never stays in the queue, a campaign never runs without a number.
import { expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber } from '../support/build.ts';

const ROUNDS = 25;

test('a lead that comes in while its number is blocked is blacklisted, and so is one that is set created', async () => {
  const { api } = await startApp();
  const campaign = await buildCampaign(api);
  for (let round = 0; round < ROUNDS; round += 1) {
    const phone_number = `+1202555${1000 + round}`;
    const [created] = await Promise.all([
      api.post('/api/user/lead', { phone_number, campaign_id: campaign.id }),
      api.post('/api/user/blacklist', { phone_number }),
    ]);
    expect((await api.get(`/api/user/leads/${created.body.data.id}`)).body.status).toBe('blacklisted');
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const phone_number = `+1202555${2000 + round}`;
    const lead = await buildLead(api, { phone_number, campaign_id: campaign.id });
    await api.put(`/api/user/leads/${lead.id}`, { status: 'completed' });
    await Promise.all([api.put(`/api/user/leads/${lead.id}`, { status: 'created' }), api.post('/api/user/blacklist', { phone_number })]);
    expect((await api.get(`/api/user/leads/${lead.id}`)).body.status).not.toBe('created');
  }
});

test('a campaign whose two numbers are removed at once stops', async () => {
  const { api } = await startApp();
  const assistant = await buildAssistant(api);
  for (let round = 0; round < ROUNDS; round += 1) {
    const numbers = [await buildNumber(api, { phone_number: '+12025550101' }), await buildNumber(api, { phone_number: '+12025550102' })];
    const phone_number_ids = numbers.map(({ id }) => id);
    const fields = { assistant_id: assistant.id, phone_number_ids, timezone: 'UTC', mark_complete_when_no_leads: false };
    const campaign = await buildCampaign(api, fields);
    const started = await api.post('/api/user/campaigns/update-status', { campaign_id: campaign.id, action: 'start' });
    expect(started.status).toBe(200);
    await Promise.all(phone_number_ids.map((id) => api.delete(`/api/user/phone-numbers/${id}`)));
    expect((await api.get(`/api/user/campaign/${campaign.id}`)).body.status).toBe('stopped');
  }
});
