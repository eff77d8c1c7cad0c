"""An operation of one's own: cancel the builds of a CI server by the thousand, and know what came of each.

    async with aiohttp.ClientSession("http://ci.example") as session:
        async with run(CancelBuilds(session), build_ids, record="out/") as results:
            async for row in results:
                print(row.task_id, row.outcome)

The class says how to ask, how to look and what a state means. When to ask, how fast, how often again, and when to
believe that a build is cancelled is the engine's business, as it is for migration tasks.
"""

from collections.abc import Sequence
from typing import Any

import aiohttp

from orchestrator import Ack, Failure, Outcome, PaceOptions, Pacing, Page, Phase, ServiceError, Sighting, Verdict

GOING = {"queued": Phase.ACTIONABLE, "running": Phase.ACTIONABLE, "cancelling": Phase.GOING, "cancelled": Phase.GOAL}
PHASES = {**GOING, "passed": Phase.ENDED, "failed": Phase.ENDED}
VERDICTS = {400: Verdict.BAD_ITEM, 401: Verdict.UNAUTHENTICATED, 404: Verdict.GONE, 429: Verdict.THROTTLED}


class CancelBuilds:  # a BulkOperation: no base class, only this shape
    name, max_batch, max_page, gone_is_goal = "cancel", 20, 100, False
    labels = {Outcome.DONE: "cancelled", Outcome.ALREADY: "already_cancelled"}  # noqa: RUF012
    over = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.ENDED})

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session, self.pacing = session, Pacing(PaceOptions(requests_per_second=50))

    def phase(self, status: str) -> Phase:
        return PHASES.get(status, Phase.ALIEN)  # what we do not know we do not touch

    async def submit(self, ids: Sequence[str]) -> Ack:
        answer = await self.ask("POST", "/builds/cancel", json={"ids": list(ids)})
        refused = {key: Failure(verdict=Verdict.BUSY, message=why) for key, why in answer["refused"].items()}
        return Ack(accepted=answer["accepted"], refused=refused)

    async def page(self, offset: int, limit: int) -> Page:
        rows = (await self.ask("GET", "/builds", params={"offset": offset, "limit": limit}))["builds"]
        return Page(ids=[row["id"] for row in rows], statuses=[row["state"] for row in rows])

    async def look(self, item_id: str) -> Sighting:
        return Sighting(status=(await self.ask("GET", f"/builds/{item_id}"))["state"])

    async def ask(self, method: str, path: str, **what: Any) -> Any:  # one request, never a second one
        verdict, text = Verdict.LOST, ""  # perhaps processed: the engine looks before it sends again
        try:
            async with self.session.request(method, path, **what) as answer:
                if answer.ok:
                    return await answer.json()
                verdict, text = VERDICTS.get(answer.status, Verdict.LOST), f"{answer.status} {await answer.text():.200}"
        except aiohttp.ClientConnectorError as error:
            verdict, text = Verdict.UNREACHED, str(error)  # certainly not processed
        except (aiohttp.ClientError, TimeoutError) as error:
            text = str(error)
        raise ServiceError(Failure(verdict=verdict, message=text))
