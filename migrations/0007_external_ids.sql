-- What a lead is called where it comes from. Once in a campaign; a secondary contact has none. It decides whether a lead that is sent
-- again is another one or the same with news.
alter table leads add column external_id text check (external_id is null or primary_id is null);
create unique index leads_external_id_once on leads (campaign_id, external_id) where external_id is not null;
