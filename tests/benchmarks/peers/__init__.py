"""The peers: the least that each needs to send what is published to all who listen.

All but nginx answer `GET /stream?channel=NAME` with a stream and take `POST /publish` with a JSON
list of `[channel, event, data, id]`.
"""
