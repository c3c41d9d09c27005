-- What workers on several hosts share besides the history. Nothing here is content: `WorkTables.synchronize` derives the
-- rows of `work` from the configuration and the recorded checks. Times are those of the server's clock.

-- What is to be done. `due` is the truth; a job of the queue only wakes a worker up. A channel is due while the outbox has
-- something for it. `token` grows with each claim: a transaction of an older claim is refused.
CREATE TABLE IF NOT EXISTS work (
  kind TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  host TEXT COLLATE "C" NOT NULL DEFAULT '',
  every DOUBLE PRECISION NOT NULL DEFAULT 0,
  due TIMESTAMPTZ NOT NULL,
  worker BIGINT,
  token BIGINT NOT NULL DEFAULT 0,
  until TIMESTAMPTZ,
  PRIMARY KEY (kind, name)
);
CREATE INDEX IF NOT EXISTS work_due ON work (due);
CREATE INDEX IF NOT EXISTS work_worker ON work (worker) WHERE worker IS NOT NULL;

CREATE TABLE IF NOT EXISTS work_workers (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  host TEXT COLLATE "C" NOT NULL,
  process BIGINT NOT NULL,
  session TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  started TIMESTAMPTZ NOT NULL DEFAULT now(),
  seen TIMESTAMPTZ NOT NULL DEFAULT now(),
  until TIMESTAMPTZ NOT NULL,
  schedules BOOLEAN NOT NULL DEFAULT false
);

-- When a host may be asked again. Not logged: after a crash or a failover the next request learns it again.
CREATE UNLOGGED TABLE IF NOT EXISTS work_hosts (
  host TEXT COLLATE "C" PRIMARY KEY,
  next TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
  blocked TIMESTAMPTZ NOT NULL DEFAULT '-infinity'
);
