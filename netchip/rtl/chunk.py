"""A whole chunk: loaders, ping-pong buffers, multipliers, sums, requantisers, the sequence of its layers. One clock, one reset."""

from netchip.rtl.components.controller import LOOPS, Controller, LoopBits
from netchip.rtl.components.lane_memory import LaneMemory
from netchip.rtl.components.loader import Loader, TileBounds
from netchip.rtl.components.mac_array import MacArray
from netchip.rtl.components.output_buffer import OutputBuffer
from netchip.rtl.components.requantiser import Requantiser
from netchip.rtl.components.sequencer import Sequencer
from netchip.rtl.components.store import StoreBits, StoreControl
from netchip.rtl.components.stream import Stream
from netchip.rtl.language import (
    Array,
    Cat,
    Circuit,
    Elaboratable,
    Module,
    Mux,
    Signal,
    Wire,
    bits_for,
    delayed,
    memory_of,
)
from netchip.rtl.program import PARAMETER_BITS, Program


class ChunkHardware(Elaboratable):
    """The chunk that runs the layers of `program`, a frame after each `start`.

    Streams `inputs` and `weights` take the words of `order.py`, tile by tile; with a shared port `inputs` takes both, a tile of
    inputs and then one of weights, and a word passes it or `outputs` in a cycle, never both: loads go first, until both halves
    of the sums wait for their store. `busy` is up from a `start` to the frame's last word, and `layer` is the place of the
    layer that runs.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.plans, self.size = program.plans, program.plans[0].size
        self.chunk = self.size.chunk
        self.start, self.busy = Signal(name="start"), Signal(name="busy")
        self.layer = Signal(bits_for(len(self.plans) - 1))
        port = self.chunk.port_bits
        self.inputs, self.outputs = Stream(port, "inputs"), Stream(port, "outputs")
        self.weights = None if self.chunk.shared_port else Stream(port, "weights")

    @property
    def ports(self) -> list[Wire]:
        """All ports but clock and reset."""
        streams = [each for each in (self.inputs, self.weights, self.outputs) if each is not None]
        return [self.start, self.busy, self.layer, *(signal for stream in streams for signal in stream.signals)]

    def elaborate(self, platform: object) -> Circuit:
        m = Module()
        m.submodules.sequencer = sequencer = Sequencer(self.program)
        self._fields, self._stores_first = sequencer.fields, Signal(name="stores_first")
        inputs, weights, controller, store = self._parts(m)
        m.d.comb += [sequencer.start.eq(self.start), self.busy.eq(sequencer.busy), self.layer.eq(sequencer.layer)]
        m.d.comb += [part.start.eq(sequencer.begin) for part in (inputs, weights, store)]
        self._ports(m, inputs, weights)
        x, w = self._buffers(m, inputs, weights, controller)
        sums = self._arithmetic(m, controller, store, x, w)
        under_way = self._store(m, store, sums)
        self.watched = _watched(self, inputs, weights, controller, store)
        m.d.comb += sequencer.ended.eq((store.left == 0) & ~under_way)
        return m

    def _most(self, name: str) -> int:
        return max(getattr(plan, name) for plan in self.plans)

    def _parts(self, m: Circuit) -> tuple[Loader, Loader, Controller, StoreControl]:
        """Everything that counts, with what the table says of the layer."""
        f, size, port = self._fields, self.size, self.chunk.port_bits
        bits = TileBounds(
            len(f["words_end"]),
            self._widest("line"),
            len(f["planes_end"]),
            (self._most("input_depth") - 1).bit_length(),
            len(f["tiles"]),
        )
        bits = bits._replace(words=max(bits.words, self._widest("word")))
        m.submodules.input_loader = inputs = Loader(port, size.input_packing.words, size.rows, size.columns, bits)
        flat = TileBounds(len(f["weights_end"]), 1, 1, (self._most("weight_depth") - 1).bit_length(), len(f["tiles"]))
        m.submodules.weight_loader = weights = Loader(port, size.weight_packing.words, 1, 1, flat)
        m.d.comb += [inputs.tiles.eq(f["tiles"]), weights.tiles.eq(f["tiles"]), weights.words_end.eq(f["weights_end"])]
        m.d.comb += [getattr(inputs, name).eq(f[name]) for name in ("words_end", "lines_end", "planes_end")]
        m.d.comb += weights.last_word[0].eq(f["weights_end"])
        for axis, count in (("line", size.rows), ("word", size.columns)):
            for end in ("first", "last"):
                m.d.comb += [
                    getattr(inputs, f"{end}_{axis}")[unit].eq(f[f"{end}_{axis}_{unit}"]) for unit in range(count)
                ]
        return inputs, weights, self._controller(m, inputs, weights), self._store_control(m)

    def _widest(self, axis: str) -> int:
        return max(len(signal) for name, signal in self._fields.items() if name.startswith(f"last_{axis}_"))

    def _controller(self, m: Circuit, inputs: Loader, weights: Loader) -> Controller:
        f, size = self._fields, self.size
        elements = self._most("input_depth") * size.input_packing.positions
        outputs = self._most("output_depth") * size.output_packing.positions
        bits = LoopBits(
            [len(f[f"{loop}_end"]) for loop in LOOPS],
            bits_for(elements - 1), bits_for(self._most("weight_addresses") - 1), bits_for(outputs - 1), len(f["steps_end"]),
        )  # fmt: skip
        m.submodules.controller = controller = Controller(bits, size.output_packing.positions)
        m.d.comb += [controller.end[loop].eq(f[f"{loop}_end"]) for loop in LOOPS]
        m.d.comb += [controller.stride[loop].eq(f[f"{loop}_stride"]) for loop in LOOPS]
        m.d.comb += [controller.single.eq(f["single"]), controller.steps_end.eq(f["steps_end"])]
        m.d.comb += [controller.inputs_full.eq(inputs.full), controller.weights_full.eq(weights.full)]
        for loader in (inputs, weights):
            m.d.comb += [loader.release.eq(controller.release), loader.release_half.eq(controller.release_half)]
        return controller

    def _store_control(self, m: Circuit) -> StoreControl:
        f = self._fields
        bits = StoreBits(
            bits_for(self._most("output_depth") - 1), bits_for(len(self.program.parameters[0]) - 1), len(f["depth_end"]),
            len(f["out_end"]), len(f["inner_end"]), len(f["blocks"]),
        )  # fmt: skip
        m.submodules.store = store = StoreControl(self.size, bits)
        m.d.comb += [
            getattr(store, name).eq(f[name])
            for name in ("blocks", "first_parameter", "depth_end", "out_end", "inner_end")
        ]
        return store

    def _ports(self, m: Circuit, inputs: Loader, weights: Loader) -> None:
        """Words to the loaders: each from its own port, or from one, a tile in turns."""
        if self.weights is not None:
            for port, loader in ((self.inputs, inputs), (self.weights, weights)):
                m.d.comb += [
                    loader.stream.payload.eq(port.payload),
                    loader.stream.valid.eq(port.valid),
                    port.ready.eq(loader.stream.ready),
                ]
            return
        turn = Signal(name="weights_turn")
        for place, loader in enumerate((inputs, weights)):
            m.d.comb += [
                loader.stream.payload.eq(self.inputs.payload),
                loader.stream.valid.eq(self.inputs.valid & (turn == place) & ~self._stores_first),
            ]
        m.d.comb += self.inputs.ready.eq(Mux(turn, weights.stream.ready, inputs.stream.ready) & ~self._stores_first)
        with m.If(inputs.tile_ends | weights.tile_ends):
            m.d.sync += turn.eq(~turn)

    def _buffers(self, m: Circuit, inputs: Loader, weights: Loader, controller: Controller):
        """The buffers of inputs, one a row and column of units, and of weights; what is read of them."""
        size, found = self.size, []
        for i in range(size.rows):
            for j in range(size.columns):
                memory = LaneMemory(size.input_packing, self.chunk.input_bits, self._most("input_depth"))
                m.submodules[f"inputs_{i}_{j}"] = memory
                self._fill(m, memory, inputs, i, j)
                address = controller.input_address
                if size.columns > 1 and size.input_packing.positions > 1:
                    address = address + self._fields[f"column_offset_{j}"]
                m.d.comb += [memory.read_half.eq(controller.input_half), memory.read_address.eq(address)]
                found.append(memory.read)
        m.submodules.weights = memory = LaneMemory(
            size.weight_packing, self.chunk.weight_bits, self._most("weight_depth")
        )
        self._fill(m, memory, weights, 0, 0)
        m.d.comb += [memory.read_half.eq(controller.input_half), memory.read_address.eq(controller.weight_address)]
        return found, memory.read

    def _fill(self, m: Circuit, memory: LaneMemory, loader: Loader, i: int, j: int) -> None:
        m.d.comb += [
            memory.write_enable.eq(loader.enable[i][j]),
            memory.write_address.eq(loader.address[i][j]),
            memory.write_half.eq(loader.half),
            memory.write_group.eq(loader.group),
            memory.write_word.eq(loader.word),
        ]

    def _arithmetic(self, m: Circuit, controller: Controller, store: StoreControl, x: list, w: list) -> OutputBuffer:
        """Multipliers and sums: flags go along with the data, and the last of a block tells the store."""
        size = self.size
        m.submodules.macs = macs = MacArray(size)
        m.submodules.sums = sums = OutputBuffer(size, self._most("output_depth"))
        for lane, rows in enumerate(macs.inputs):
            for i, columns in enumerate(rows):
                m.d.comb += [signal.eq(x[i * size.columns + j][lane]) for j, signal in enumerate(columns)]
        m.d.comb += [signal.eq(read) for signal, read in zip(macs.weights, w, strict=True)]
        m.d.comb += macs.first.eq(delayed(m, controller.first, 1))
        ahead = {"address": controller.output_address, "half": controller.output_half}
        ahead |= {"keep": controller.keep, "last": controller.last}
        m.d.comb += [getattr(sums, name).eq(delayed(m, signal, macs.latency)) for name, signal in ahead.items()]
        m.d.comb += [signal.eq(macs.sums[out][i][j]) for signal, (i, j, out) in zip(sums.sums, sums.units, strict=True)]
        ended = delayed(m, controller.block_ends, macs.latency + 1)
        half = delayed(m, controller.output_half, macs.latency + 1)
        m.d.comb += [
            store.landed.eq(Mux(ended, 1 << half, 0)),
            sums.full.eq(store.full),
            controller.freed.eq(store.freed),
        ]
        return sums

    def _store(self, m: Circuit, store: StoreControl, sums: OutputBuffer):
        """From sums to words; says whether any word is under way."""
        advance, fields = Signal(name="store_advance"), self._fields
        per_word = self.size.outputs_per_word
        words = self.size.output_packing.words
        slots = [*sums.slots, *[0] * (words * per_word - len(sums.slots))]
        place = store.high * self.size.parameter_words + store.low
        memories = self._parameters(m, store, advance)
        for lane in range(per_word):
            m.submodules[f"requantiser_{lane}"] = part = Requantiser(self.chunk.output_bits)
            word = memories[lane % len(memories)]
            m.d.comb += [
                part.enable.eq(advance),
                part.sum.eq(Array(slots[lane::per_word])[place] if words > 1 else slots[lane]),
                part.parameters.eq(word),
                part.zero_point.eq(fields["zero_point"]),
                part.lowest.eq(fields["lowest"]),
                self.outputs.payload.word_select(lane, self.chunk.output_bits).eq(part.result),
            ]
        valids = [store.valid]
        for stage in range(Requantiser.latency):
            valids.append(Signal(name=f"valid_{stage}"))
            with m.If(advance):
                m.d.sync += valids[-1].eq(valids[-2])
        m.d.comb += self._stores_first.eq(store.full.all() & valids[-1] & self.outputs.ready)
        free = ~self.inputs.passes if self.chunk.shared_port else 1
        m.d.comb += [self.outputs.valid.eq(valids[-1] & free), advance.eq(~valids[-1] | self.outputs.passes)]
        m.d.comb += [
            store.advance.eq(advance),
            sums.advance.eq(advance),
            sums.store_address.eq(store.address),
            sums.slots_half.eq(store.half),
        ]
        return Cat(valids).any()

    def _parameters(self, m: Circuit, store: StoreControl, advance: Wire) -> list:
        """Memories of biases, multipliers and shifts, with what is read of them."""
        found = []
        for lane, words in enumerate(self.program.parameters):
            memory = memory_of(PARAMETER_BITS, len(words), words)
            m.submodules[f"parameters_{lane}"] = memory
            read = memory.read_port()
            m.d.comb += [read.addr.eq(store.parameter), read.en.eq(advance)]
            found.append(read.data)
        return found


def _watched(
    chunk: ChunkHardware, inputs: Loader, weights: Loader, controller: Controller, store: StoreControl
) -> dict[str, Wire]:
    """What a picture of a chunk at work shows, by name."""
    return {
        "word of inputs": inputs.stream.passes,
        "word of weights": weights.stream.passes,
        "inputs wait": inputs.full.any(),
        "weights wait": weights.full.any(),
        "multiplying": controller.valid,
        "sums wait": store.full.any(),
        "word of outputs": chunk.outputs.passes,
    }
