"""Promises of engine/listing.py: everything that stood in the list all the time is seen, whatever strangers do."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.listing import OVERLAP, Listing
from orchestrator.engine.model import Page


class Service:
    """A list that others change while it is read."""

    def __init__(
        self, ids: list[str], *, count: str = "total", cap: int = 1000, deletes: dict[int, int] | None = None
    ) -> None:
        self.ids = ids
        self.seen: set[str] = set()
        self.offsets: list[int] = []
        self._count, self._cap, self._deletes = count, cap, deletes or {}

    async def read(self, offset: int, limit: int) -> Page:
        self.offsets.append(offset)
        await anyio.sleep(0.01)
        del self.ids[: self._deletes.pop(len(self.offsets), 0)]
        ids = self.ids[offset : offset + min(limit, self._cap)]
        self.seen.update(ids)
        count = {"total": len(self.ids), "page": len(ids), "none": None}[self._count]
        return Page(ids=ids, statuses=["X"] * len(ids), count=count)


def named(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


async def read(service: Service, *, page_size: int = 100, workers: int = 4) -> Listing:
    listing = Listing(service.read, page_size=page_size, workers=workers)
    await listing.run()
    return listing


class TestListing:
    @pytest.mark.parametrize("count", ["total", "page", "none"])
    @pytest.mark.parametrize("length", [0, 1, 99, 100, 101, 190, 191, 1000])
    async def test_reads_all_of_it(self, length: int, count: str) -> None:
        service = Service(named(length), count=count)
        listing = await read(service)
        assert service.seen == set(named(length))
        assert listing.mended == 0

    async def test_takes_hardly_more_requests_than_there_are_pages(self) -> None:
        assert (await read(Service(named(99)))).pages == 2  # and one to see that there is nothing behind it
        assert (await read(Service(named(995)))).pages == 11

    @pytest.mark.parametrize("count", ["total", "page"])
    async def test_follows_a_service_with_shorter_pages(self, count: str) -> None:
        service = Service(named(500), cap=30, count=count)
        await read(service)
        assert service.seen == set(named(500))

    async def test_reads_pages_that_are_too_short_for_an_overlap(self) -> None:
        service = Service(named(95), cap=OVERLAP)
        await read(service)
        assert service.seen == set(named(95))

    @pytest.mark.parametrize("deleted", [1, OVERLAP - 1, OVERLAP, OVERLAP + 5, 40])
    async def test_misses_nobody_although_tasks_before_them_are_deleted(self, deleted: int) -> None:
        service = Service(named(500), deletes={3: deleted})
        listing = await read(service, workers=1)
        assert set(named(500)[deleted:]) <= service.seen
        assert bool(listing.mended) is (deleted >= OVERLAP)

    async def test_reads_on_where_the_list_grows(self) -> None:
        service = Service(named(150))

        async def grow(offset: int, limit: int) -> Page:
            page = await service.read(offset, limit)
            if offset:
                service.ids.extend(named(400)[len(service.ids) : len(service.ids) + 100])
            return page

        await Listing(grow, page_size=100, workers=2).run()
        assert len(service.seen) >= 150

    async def test_skips_rows_without_an_id(self) -> None:
        ids = ["" if number % 3 else f"t{number}" for number in range(400)]
        service = Service(ids)
        assert (await read(service)).mended == 0

    @given(st.integers(0, 700), st.integers(21, 120), st.integers(1, 5), st.sampled_from(["total", "page", "none"]))
    async def test_covers_any_list_with_any_page(self, length: int, page_size: int, workers: int, count: str) -> None:
        service = Service(named(length), count=count)
        await read(service, page_size=page_size, workers=workers)
        assert service.seen == set(named(length))
