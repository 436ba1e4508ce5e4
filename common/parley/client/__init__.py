"""A client of Parley for Python programs: `AsyncClient`, and `Client` for code without an event loop.

async with AsyncClient("https://parley.example", get_token) as client:
    page = await client.join("https://acme.test/post/7")
    await client.do(page.page, "new-chat", anchor=anchor, text="Why?")
    async for event in client.events(page.page):
        print(event.event, event.chat.id)
"""

from parley.client.asynchronous import AsyncClient
from parley.client.conversation import ParleyError
from parley.client.page_copy import PageCopy
from parley.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "PageCopy", "ParleyError"]
