-- The leases of the budget: one row for each replica and window.
CREATE TABLE acspass_exchange.leases (
    resource text NOT NULL,
    window_number bigint NOT NULL,
    replica uuid NOT NULL,
    granted integer NOT NULL CHECK (granted >= 0),
    PRIMARY KEY (resource, window_number, replica)
);

-- The ACS identity of each user.
CREATE TABLE acspass_exchange.identities (
    tenant uuid NOT NULL,
    object_id uuid NOT NULL,
    identity text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, object_id)
);

-- Leases a part of the budget for the current window, or for the next one (`ahead`).
--
-- A window of the resource can overlap two of these windows. So the most that each other replica has in
-- the window before, in this one and in the next one is subtracted from the budget. A replica that
-- ended keeps its part for one more window.
CREATE FUNCTION acspass_exchange.lease(
    for_resource text,
    for_replica uuid,
    budget integer,
    expected_replicas integer,
    ahead boolean,
    OUT granted integer,
    OUT starts_in_milliseconds bigint,
    OUT ends_in_milliseconds bigint
)
LANGUAGE plpgsql
AS $$
DECLARE
    length CONSTANT numeric := 30;
    now_seconds numeric;
    target bigint;
    replicas integer;
    used integer;
BEGIN
    -- Two replicas do not lease the same part.
    PERFORM pg_advisory_xact_lock(hashtextextended('acspass_exchange.lease ' || for_resource, 0));
    now_seconds := extract(epoch FROM clock_timestamp());
    target := floor(now_seconds / length) + ahead::integer;
    DELETE FROM acspass_exchange.leases
        WHERE resource = for_resource AND window_number < target - 2;
    SELECT coalesce(sum(most), 0) INTO used FROM (
        SELECT max(leases.granted) AS most FROM acspass_exchange.leases
            WHERE resource = for_resource AND replica <> for_replica
                AND window_number BETWEEN target - 1 AND target + 1
            GROUP BY replica
    ) AS others;
    SELECT count(DISTINCT replica) INTO replicas FROM (
        SELECT replica FROM acspass_exchange.leases
            WHERE resource = for_resource AND window_number BETWEEN target - 1 AND target
        UNION SELECT for_replica
    ) AS present;
    -- A replica without the database keeps its fixed share, so that the others leave it.
    replicas := greatest(replicas, expected_replicas);
    granted := greatest(0, least(budget / replicas, budget - used));
    INSERT INTO acspass_exchange.leases VALUES (for_resource, target, for_replica, granted)
        ON CONFLICT (resource, window_number, replica)
            DO UPDATE SET granted = greatest(leases.granted, excluded.granted);
    starts_in_milliseconds := ceil((target * length - now_seconds) * 1000);
    ends_in_milliseconds := floor(((target + 1) * length - now_seconds) * 1000);
END
$$;
