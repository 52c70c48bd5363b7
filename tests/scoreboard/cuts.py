"""cuts.py - the power is cut as soon as Postfix has been told "delivered".

It forgets the mail then; so it must be there when the machine comes up again.
"""

import collections

import agents
import disks
import place
import world

ROUNDS = 3


def cuts(scene, table):
    disk = None
    world.umount(agents.PLACE)
    try:
        for kind in ("ext4", "xfs", "btrfs"):
            why = disks.why_not(kind)
            if why:
                table.group("power cut, %s: %s" % (kind, why))
                continue
            disk = disks.Disk(kind, agents.PLACE, scene.world.path("images"))
            disk.mount()
            scene.fresh()
            disk.keep()
            table.group("lost by a power cut, " + kind)
            for store in agents.STORES:
                on_one(scene, table, disk, store)
            disk.end()
    finally:
        if disk:
            disk.end()
        scene.mount()


def on_one(scene, table, disk, store):
    cells = []
    for agent in scene.agents:
        found = collections.Counter()
        for _ in range(ROUNDS):
            disk.begin()
            letter = scene.letter()
            fate = agent.deliver(store, letter.octets)
            disk.cut()
            seen = scene.look(store, letter)
            word = place.verdict(fate, seen)
            if fate.word != "sent":
                word = "not sent"
            found[word] += 1
            if word != "ok":
                scene.note(agent, "power cut, %s, %s" % (disk.kind, store),
                           "%s: %s, seen %s" % (word, fate, seen))
        cells.append("%d/%d" % (ROUNDS - found["ok"], ROUNDS))
    table.row(place.TITLES[store], cells)
