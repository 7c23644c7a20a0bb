"""Places from which a neuron's code can read a number, and ways to change the number there.

Each place consists of a few statements as source, an expression that then reads .5, and a statement after which the expression
reads .75. ``self`` in an expression is the Cell ``node``, of the class ``Decay``, that a neuron holds.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """Where a number is read."""

    before: str
    read: str
    change: str


class_of = "class Config:\n    gain = 0.5"
object_of = "class Config: pass\nC = Config(); C.gain = 0.5"
PLACES = {
    "attribute": Place("node.gain = 0.5", "self.gain", "node.gain = 0.75"),
    "attribute of a list": Place("node.gains = [1, {'a': 0.5}]", "self.gains[1]['a']", "node.gains[1]['a'] = 0.75"),
    "attribute that is new": Place("", "getattr(self, 'late', 0.5)", "node.late = 0.75"),
    "name made up": Place("node.gain = 0.5", "getattr(self, 'ga' + 'in')", "node.gain = 0.75"),
    "tuple": Place("node.gains = (1, [0.5])", "self.gains[1][0]", "node.gains[1][0] = 0.75"),
    "array": Place("node.gain = np.full(2, 0.5, np.float32)", "self.gain", "node.gain[:] = 0.75"),
    "array made smaller": Place("node.gain = np.full(2, 0.5)", "float(self.gain.max())", "node.gain[1] = 0.75"),
    "tensor": Place("node.gain = Tensor(np.float32(0.5))", "self.gain", "node.gain = Tensor(np.float32(0.75))"),
    "tensor written to": Place("node.gain = Tensor(np.float32(0.5))", "self.gain", "node.gain.asnumpy()[...] = 0.75"),
    "parameter": Place("node.gain = Parameter(np.float32(0.5))", "self.gain", "node.gain.set_data(np.float32(0.75))"),
    "another parameter": Place(
        "node.gain = Parameter(np.float32(0.5))", "self.gain", "del node.gain; node.gain = Parameter(np.float32(0.75))"
    ),
    "values of a parameter": Place("G = Parameter(np.float32(0.5))", "float(G.array)", "G.set_data(np.float32(0.75))"),
    "copy of a parameter": Place("G = Parameter(np.float32(0.5))", "G.copy()", "G.set_data(np.float32(0.75))"),
    "clone of a parameter": Place("G = Parameter(np.float32(0.5))", "G.clone()", "G.set_data(np.float32(0.75))"),
    "global parameter": Place("G = Parameter(np.float32(0.5))", "G", "G.set_data(np.float32(0.75))"),
    "parameter in a set": Place(
        "G = frozenset([Parameter(np.float32(0.5))])", "next(iter(G))", "next(iter(G)).set_data(np.float32(0.75))"
    ),
    "parameter of a class": Place(
        "class Config:\n    gain = Parameter(np.float32(0.5))", "Config.gain", "Config.gain.set_data(np.float32(0.75))"
    ),
    "global": Place("G = 0.5", "G", "G = 0.75"),
    "global through globals()": Place("G = 0.5", "globals()['G']", "G = 0.75"),
    "global that hides a builtin": Place("", "max(0.5, 0.25)", "max = lambda a, b: 0.75"),
    "global array": Place("G = np.full(2, 0.5)", "float(G.sum() / 2)", "G[:] = 0.75"),
    "class": Place(class_of, "Config.gain", "Config.gain = 0.75"),
    "class above": Place(class_of + "\nclass Other(Config): pass", "Other.gain", "Config.gain = 0.75"),
    "class between": Place(class_of + "\nclass Other(Config): pass", "Other.gain", "Other.gain = 0.75"),
    "other bases": Place(
        class_of + "\nclass Second:\n    gain = 0.75\nclass Other(Config): pass", "Other.gain", "Other.__bases__ = (Second,)"
    ),
    "class in an attribute": Place(class_of + "\nnode.config = Config", "self.config.gain", "Config.gain = 0.75"),
    "class in a list": Place(class_of + "\nL = [Config]", "L[0].gain", "Config.gain = 0.75"),
    "class of the neuron": Place("Decay.gain = 0.5", "type(self).gain", "Decay.gain = 0.75"),
    "class by name": Place(class_of, "vars(Config)['gain']", "Config.gain = 0.75"),
    "attribute without a value": Place(
        "class Config: pass", "(Config.gain if hasattr(Config, 'gain') else 0.5)", "Config.gain = 0.75"
    ),
    "metaclass": Place(
        "class Meta(type):\n    gain = 0.5\nclass Config(metaclass=Meta): pass", "Config.gain", "Meta.gain = 0.75"
    ),
    "property of a metaclass": Place(
        "class Meta(type):\n    @property\n    def gain(cls): return cls.g\nclass Config(metaclass=Meta):\n    g = 0.5",
        "Config.gain",
        "Config.g = 0.75",
    ),
    "static method": Place(
        "G = [0.5]\nclass Config:\n    @staticmethod\n    def gain(): return G[0]", "Config.gain()", "G[0] = 0.75"
    ),
    "class method": Place(
        "class Config:\n    g = 0.5\n    @classmethod\n    def gain(cls): return cls.g", "Config.gain()", "Config.g = 0.75"
    ),
    "bound method": Place(
        "class Config:\n    g = 0.5\n    def gain(self): return self.g\nread = Config().gain",
        "read()",
        "read.__self__.g = 0.75",
    ),
    "method that is replaced": Place(
        "class Config:\n    def gain(self): return 0.5\nC = Config()", "C.gain()", "Config.gain = lambda self: 0.75"
    ),
    "object": Place(class_of + "\nC = Config()", "C.gain", "C.gain = 0.75"),
    "object of another class": Place(
        class_of + "\nclass Second:\n    gain = 0.75\nC = Config()", "C.gain", "C.__class__ = Second"
    ),
    "slots": Place("class Config:\n    __slots__ = ('gain',)\nC = Config(); C.gain = 0.5", "C.gain", "C.gain = 0.75"),
    "namespace": Place("C = types.SimpleNamespace(a=types.SimpleNamespace(gain=0.5))", "C.a.gain", "C.a.gain = 0.75"),
    "property": Place(
        "class Config:\n    g = 0.5\n    @property\n    def gain(self): return self.g\nC = Config()", "C.gain", "C.g = 0.75"
    ),
    "descriptor": Place(
        "class Of:\n    g = 0.5\n    def __get__(self, o, t=None): return self.g\nclass Config:\n    gain = Of()",
        "Config.gain",
        "vars(Config)['gain'].g = 0.75",
    ),
    "getattr of an object": Place(
        "S = {'gain': 0.5}\nclass Config:\n    def __getattr__(self, name): return S[name]\nC = Config()",
        "C.gain",
        "S['gain'] = 0.75",
    ),
    "callable object": Place(
        "class Config:\n    g = 0.5\n    def __call__(self): return self.g\nC = Config()", "C()", "C.g = 0.75"
    ),
    "float of an object": Place(
        "class Config:\n    def __float__(self): return 0.5\nC = Config()", "float(C)", "Config.__float__ = lambda self: 0.75"
    ),
    "subclass of float": Place("class Gain(float): pass\nG = Gain(1); G.scale = 0.5", "G * G.scale", "G.scale = 0.75"),
    "dataclass": Place(
        "@dataclasses.dataclass\nclass Config:\n    gain: float = 0.5\nC = Config()", "C.gain", "C.gain = 0.75"
    ),
    "enum": Place("class Gain(enum.Enum):\n    A = 0.5\n    B = 0.75\nG = Gain.A", "G.value", "G = Gain.B"),
    "attribute of an enum": Place("class Gain(enum.Enum):\n    A = 1\nGain.A.g = 0.5", "Gain.A.g", "Gain.A.g = 0.75"),
    "named tuple": Place("C = collections.namedtuple('C', 'gain')([0.5])", "C.gain[0]", "C.gain[0] = 0.75"),
    "module": Place("", "config.gain", "config.gain = 0.75"),
    "module in an attribute": Place("node.config = config", "self.config.gain", "config.gain = 0.75"),
    "submodule": Place("", "config.sub.gain", "config.sub.gain = 0.75"),
    "module by a name made up": Place("", "getattr(config, 'ga' + 'in')", "config.gain = 0.75"),
    "class in a module": Place("", "config.Config.gain", "config.Config.gain = 0.75"),
    "module's own getattr": Place(
        "config.table = {'made': 0.5}\n"
        "def get(name):\n    if name in config.table: return config.table[name]\n    raise AttributeError(name)\n"
        "config.__getattr__ = get",
        "config.made",
        "config.table['made'] = 0.75",
    ),
    "name that a module lacks": Place("", "(config.late if hasattr(config, 'late') else 0.5)", "config.late = 0.75"),
    "sys.modules": Place("", "sys.modules[NAME].gain", "config.gain = 0.75"),
    "import": Place("", "__import__(NAME).gain", "config.gain = 0.75"),
    "deque": Place("G = collections.deque([0.5])", "G[0]", "G[0] = 0.75"),
    "deque that turns": Place("G = collections.deque([0.5, 0.75])", "G[0]", "G.rotate(1)"),
    "array.array": Place("G = array.array('d', [0.5])", "G[0]", "G[0] = 0.75"),
    "bytes": Place("G = bytearray([2])", "G[0] / 4", "G[0] = 3"),
    "memory": Place("B = bytearray([2]); G = memoryview(B)", "G[0] / 4", "B[0] = 3"),
    "set": Place("G = {0.5}", "max(G)", "G.add(0.75)"),
    "default dict": Place("G = collections.defaultdict(lambda: 0.5)", "G.get('a', G.default_factory())", "G['a'] = 0.75"),
    "ordered dict": Place("G = collections.OrderedDict(a=0.5, b=0.75)", "next(iter(G.values()))", "G.move_to_end('a')"),
    "order of a dict": Place("G = dict(a=0.5, b=0.75)", "next(iter(G.values()))", "G['a'] = G.pop('a')"),
    "chain map": Place("D = {'a': 0.5}\nG = collections.ChainMap({}, D)", "G['a']", "D['a'] = 0.75"),
    "view of a dict": Place("D = {'a': 0.5}\nG = types.MappingProxyType(D)", "G['a']", "D['a'] = 0.75"),
    "values of a dict": Place("D = {'a': 0.5}\nG = D.values()", "max(G)", "D['a'] = 0.75"),
    "user dict": Place("G = collections.UserDict(a=0.5)", "G['a']", "G['a'] = 0.75"),
    "subclass of a list": Place("class L(list): pass\nG = L([0.5]); G.a = 0.5", "G.a + G[0] - 0.5", "G.a = 0.75"),
    "context variable": Place("G = contextvars.ContextVar('G', default=0.5)", "G.get()", "G.set(0.75)"),
    "thread local": Place("G = threading.local(); G.gain = 0.5", "G.gain", "G.gain = 0.75"),
    "weak reference": Place(class_of + "\nC = Config(); G = weakref.ref(C)", "G().gain", "C.gain = 0.75"),
    "generator": Place(
        "G = itertools.chain([0.5, 0.5, 0.5, 0.5], itertools.repeat(0.75))", "next(G)", "list(zip(range(9), G))"
    ),
    "counter": Place("G = itertools.count()", "(0.5 if next(G) < 6 else 0.75)", "list(zip(range(9), G))"),
    "partial": Place("D = {'a': 0.5}\nG = functools.partial(D.get, 'a')", "G()", "D['a'] = 0.75"),
    "partial of a function": Place(
        "def f(d): return d['a']\nD = {'a': 0.5}\nG = functools.partial(f, D)", "G()", "D['a'] = 0.75"
    ),
    "function": Place("def f(): return 0.5", "f()", "def f(): return 0.75"),
    "code of a function": Place("def f(): return 0.5", "f()", "f.__code__ = (lambda: 0.75).__code__"),
    "attribute of a function": Place("def f(): return f.gain\nf.gain = 0.5", "f()", "f.gain = 0.75"),
    "default": Place("def f(g=[0.5]): return g[0]", "f()", "f.__defaults__[0][0] = 0.75"),
    "other defaults": Place("def f(g=0.5): return g", "f()", "f.__defaults__ = (0.75,)"),
    "default by name": Place("def f(*, g=0.5): return g", "f()", "f.__kwdefaults__['g'] = 0.75"),
    "closure": Place(
        "def make():\n    g = 0.5\n    def get(): return g\n    def put():\n        nonlocal g\n        g = 0.75\n    return get, put\n"
        "get, put = make()",
        "get()",
        "put()",
    ),
    "class in a closure": Place(
        class_of + "\ndef make(c):\n    return lambda: c.gain\nget = make(Config)", "get()", "Config.gain = 0.75"
    ),
    "decorated function": Place(
        "def twice(f):\n    @functools.wraps(f)\n    def g(): return 1 * f()\n    return g\nG = [0.5]\n@twice\ndef f(): return G[0]",
        "f()",
        "G[0] = 0.75",
    ),
    "cached function": Place("G = [0.5]\n@functools.cache\ndef f(): return G[0]", "f()", "G[0] = 0.75; f.cache_clear()"),
    "single dispatch": Place("@functools.singledispatch\ndef f(x): return 0.5", "f(1)", "f.register(int)(lambda x: 0.75)"),
    "function in a dict": Place("G = {'f': lambda: 0.5}", "G['f']()", "G['f'] = lambda: 0.75"),
    "environment": Place(
        "os.environ['SPIKECELL_GAIN'] = '0.5'",
        "float(os.environ['SPIKECELL_GAIN'])",
        "os.environ['SPIKECELL_GAIN'] = '0.75'",
    ),
    "getenv": Place(
        "os.environ['SPIKECELL_GAIN'] = '0.5'",
        "float(os.getenv('SPIKECELL_GAIN'))",
        "os.environ['SPIKECELL_GAIN'] = '0.75'",
    ),
    "file": Place("P = pathlib.Path(PATH); P.write_text('0.5')", "float(P.read_text())", "P.write_text('0.75')"),
    "opened file": Place(
        "def f(g=None):\n    with open(PATH, 'w' if g else 'r') as file:\n        return file.write(g) if g else float(file.read())\n"
        "f('0.5')",
        "f()",
        "f('0.75')",
    ),
    "file of numbers": Place("np.save(PATH, 0.5)", "float(np.load(PATH + '.npy'))", "np.save(PATH, 0.75)"),
    "mapped file": Place("np.full(1, 0.5).tofile(PATH); G = np.memmap(PATH, np.float64, 'r+')", "float(G[0])", "G[0] = 0.75"),
    "number of ctypes": Place("G = ctypes.c_double(0.5)", "G.value", "G.value = 0.75"),
    "array of objects": Place("G = np.array([[0.5], [1]], object)", "G[0, 0]", "G[0, 0] = 0.75"),
    "record array": Place("G = np.array([(0.5,)], [('a', float)])", "float(G['a'][0])", "G['a'][0] = 0.75"),
    "record": Place("A = np.array([(0.5,)], [('a', float)]); G = A[0]", "float(G['a'])", "A['a'][0] = 0.75"),
    "array under numpy's functions": Place(
        "A = np.full(3, 0.5)",
        "float(np.sum(np.where(np.exp(A) > 0, A, np.maximum(A, 9)), axis=0) / np.size(A))",
        "A[:] = 0.75",
    ),
    "view of an array": Place("A = np.full(3, 0.5); G = A[1:]", "float(G[1])", "A[2] = 0.75"),
    "error state of numpy": Place("", "(0.5 if np.geterr()['over'] == 'warn' else 0.75)", "np.seterr(over='ignore')"),
    "instance through a base": Place(
        "class Base:\n    def gain(self): return self.g\nclass Config(Base): g = 0.5\nC = Config()",
        "C.gain()",
        "Config.g = 0.75",
    ),
    "super": Place(
        "class Base:\n    g = 0.5\nclass Config(Base):\n    g = 9\n    def gain(self): return super().g\nC = Config()",
        "C.gain()",
        "Base.g = 0.75",
    ),
    "itemgetter": Place("D = {'a': 0.5}\nG = operator.itemgetter('a')", "G(D)", "D['a'] = 0.75"),
    "attrgetter": Place(class_of + "\nG = operator.attrgetter('ga' + 'in')", "G(Config)", "Config.gain = 0.75"),
    "match": Place(
        class_of + "\n    __match_args__ = ('gain',)\nC = Config()\ndef f():\n    match C:\n        case Config(g): return g",
        "f()",
        "C.gain = 0.75",
    ),
    "eval": Place("G = 0.5", "eval('G')", "G = 0.75"),
    "format": Place(class_of, "float('{0.gain}'.format(Config))", "Config.gain = 0.75"),
    "format of another string": Place(
        class_of + "\nnode.text = '{0.gain}'", "float(self.text.format(Config))", "Config.gain = 0.75"
    ),
    "format by the class of strings": Place(
        class_of + "\nnode.text = '{0.gain}'", "float(str.format(self.text, Config))", "Config.gain = 0.75"
    ),
    "format of a mapping": Place(class_of, "float('{c.gain!s}'.format_map({'c': Config}))", "Config.gain = 0.75"),
    "width in a format": Place(
        "class Config: wide = 10\nnode.text = '{0:{1.wide}}'", "len(self.text.format(1, Config)) / 20", "Config.wide = 15"
    ),
    "format in a map": Place(class_of, "float(list(map('{0.gain}'.format, [Config]))[0])", "Config.gain = 0.75"),
    "format by another name": Place(
        class_of + "\nF = '{0.gain}'.format", "float(list(map(F, [Config]))[0])", "Config.gain = 0.75"
    ),
    "format in a partial": Place(
        class_of + "\nF = functools.partial('{0.gain}'.format)", "float(F(Config))", "Config.gain = 0.75"
    ),
    "method of strings in a map": Place(
        class_of + "\nnode.text = '{0.gain}'; F = str.format",
        "float(list(map(F, [self.text], [Config]))[0])",
        "Config.gain = 0.75",
    ),
    "getattribute by another name": Place(
        class_of + "\nC = Config(); node.names = ['gain']; G = object.__getattribute__",
        "G(C, self.names[0])",
        "Config.gain = 0.75",
    ),
    "methodcaller": Place(
        "class Config:\n    def gain(self): return 0.5\nnode.c = Config()",
        "operator.methodcaller('ga' + 'in')(self.c)",
        "Config.gain = lambda self: 0.75",
    ),
    "name chosen": Place(class_of + "\nN = 'gain'", "getattr(Config, N or 'other')", "Config.gain = 0.75"),
    "name in a variable": Place(class_of + "\nN = 'gain'", "getattr(Config, N, 0.25)", "Config.gain = 0.75"),
    "attribute of an array": Place(
        "class Gains(np.ndarray): pass\nG = np.ones(2).view(Gains); G.gain = 0.5", "G.gain", "G.gain = 0.75"
    ),
    "method of an array": Place(
        "class Gains(np.ndarray):\n    def gain(self): return 0.5\nG = np.ones(2).view(Gains)",
        "G.gain()",
        "Gains.gain = lambda self: 0.75",
    ),
    "mask of an array": Place(
        "G = np.ma.array([0.5, 0.75], mask=[False, False], fill_value=0.5)", "float(G.min())", "G.mask = [True, False]"
    ),
    "flags of an array": Place("G = np.ones(2)", "(0.5 if G.flags.writeable else 0.75)", "G.flags.writeable = False"),
    "address of an array": Place(
        "A = np.full(1, 0.5)\nclass Held:\n    __array_interface__ = A.__array_interface__",
        "float(np.asarray(Held())[0])",
        "A[0] = 0.75",
    ),
    "address in C of an array": Place(
        "A = np.full(1, 0.5)\nC = types.SimpleNamespace(__array_struct__=A.__array_struct__)",
        "float(np.asarray(C)[0])",
        "A[0] = 0.75",
    ),
    "function for arrays": Place("D = {'a': 0.5}\nf = np.frompyfunc(D.get, 1, 1)", "float(f('a'))", "D['a'] = 0.75"),
    "subclass of Parameter": Place(
        "class Gain(Parameter):\n    def value(self): return ops.maximum(Parameter.value(self), self.least)\n"
        "Gain.least = 0.5; G = Gain(np.float32(0))",
        "G.value()",
        "Gain.least = 0.75",
    ),
    "method of a Tensor": Place(
        "Tensor.spikecell_gain = lambda self: 0.5",
        "Tensor(1.0).spikecell_gain()",
        "Tensor.spikecell_gain = lambda self: 0.75",
    ),
    "class of a module": Place(
        "class Module(types.ModuleType):\n    @property\n    def made(self): return self.gain\nconfig.__class__ = Module",
        "config.made",
        "Module.made = 0.75",
    ),
    "slot of a module": Place(
        "class Module(types.ModuleType):\n    __slots__ = ('slot',)\nM = Module('M'); M.slot = 0.5", "M.slot", "M.slot = 0.75"
    ),
    "slot of a list": Place("class L(list):\n    __slots__ = ('gain',)\nG = L(); G.gain = 0.5", "G.gain", "G.gain = 0.75"),
    "dict that hides its values": Place(
        "class D(dict):\n    def values(self): return [1] * len(self)\nG = D(a=0.5)", "G['a']", "G['a'] = 0.75"
    ),
    "attribute of a function that is not called": Place("def f(): pass\nf.gain = 0.5", "f.gain", "f.gain = 0.75"),
    "default of a function that is not called": Place(
        "def f(g=[0.5]): pass", "f.__defaults__[0][0]", "f.__defaults__[0][0] = 0.75"
    ),
    "globals of a function": Place("G = 0.5\ndef f(): pass", "f.__globals__['G']", "G = 0.75"),
    "globals of a frame": Place("G = 0.5\ndef e(): yield\ndef f(): return e().gi_frame.f_globals['G']", "f()", "G = 0.75"),
    "cell of a function": Place(
        "def make():\n    g = 0.5\n    def f(): return g\n    def put():\n        nonlocal g\n        g = 0.75\n    return f, put\n"
        "f, put = make()",
        "f.__closure__[0].cell_contents",
        "put()",
    ),
    "name of a class": Place("class Half: pass", "(0.5 if Half.__name__ == 'Half' else 0.75)", "Half.__name__ = 'Other'"),
    "text of a class": Place("class Half:\n    '0.5'", "float(Half.__doc__)", "Half.__doc__ = '0.75'"),
    "text of a function": Place("def f():\n    '0.5'", "float(f.__doc__)", "f.__doc__ = '0.75'"),
    "annotation": Place(
        "class Config:\n    gain: 0.5", "Config.__annotations__['gain']", "Config.__annotations__['gain'] = 0.75"
    ),
    "class that is registered": Place(
        "import abc\nclass Half(abc.ABC): pass\nclass Config: pass\nC = Config()",
        "(0.75 if isinstance(C, Half) else 0.5)",
        "Half.register(Config)",
    ),
    "dispatch of a method": Place(
        "class Config:\n    @functools.singledispatchmethod\n    def gain(self, x): return 0.5\nC = Config()",
        "C.gain(1)",
        "vars(Config)['gain'].register(int)(lambda self, x: 0.75)",
    ),
    "context of decimal": Place(
        "import decimal\nD = decimal.Decimal('0.123')", "(0.5 if D + 0 == D else 0.75)", "decimal.getcontext().prec = 2"
    ),
    "context of decimal that is held": Place(
        "import decimal\nD = decimal.Decimal('0.123'); C = decimal.Context(prec=5)",
        "(0.5 if C.plus(D) == D else 0.75)",
        "C.prec = 2",
    ),
    "context of decimal that is asked for": Place(
        "import decimal\ndecimal.getcontext().prec = 28",
        "(0.5 if decimal.getcontext().prec == 28 else 0.75)",
        "decimal.getcontext().prec = 2",
    ),
    "number of weak references": Place(
        "class Config: pass\nC, KEPT = Config(), []",
        "(0.75 if weakref.getweakrefcount(C) else 0.5)",
        "KEPT.append(weakref.ref(C))",
    ),
    "object that lies about its class": Place(
        "class Lies:\n    __class__ = Tensor\n    gain = 0.5\nG = Lies()", "G.gain", "Lies.gain = 0.75"
    ),
    "order of a set": Place("G = {1, 9}", "(0.5 if next(iter(G)) == 1 else 0.75)", "G.clear(); G.update([9, 1])"),
    "sign of a zero in a set": Place("G = {0.0}", "(0.5 if str(max(G)) == '0.0' else 0.75)", "G.clear(); G.add(-0.0)"),
    "equal in a set": Place("G = {(1,)}", "(0.5 if str(max(G)) == '(1,)' else 0.75)", "G.clear(); G.add((True,))"),
    "object in a set that equals all": Place(
        "class Any:\n    def __init__(self, g): self.g = g\n    def __eq__(self, other): return True\n"
        "    def __hash__(self): return 1\nG = {Any(0.5)}",
        "next(iter(G)).g",
        "G.clear(); G.add(Any(0.75))",
    ),
    "list that hides its items": Place(
        "class L(list):\n    def __iter__(self): return iter((1,))\n    def __len__(self): return 1\nG = L([0.5])",
        "G[0]",
        "G[0] = 0.75",
    ),
    "bounds of a slice": Place("G = slice([0.5], None)", "G.start[0]", "G.start[0] = 0.75"),
    "generic class": Place("class L(list):\n    gain = 0.5\nG = types.GenericAlias(L, int)", "G.gain", "L.gain = 0.75"),
    "partial that is set": Place(
        "def f(g): return g\nG = functools.partial(f, 0.5)", "G()", "G.__setstate__((f, (0.75,), {}, None))"
    ),
    "namespaces that are equal": Place(
        "C = types.SimpleNamespace(gain=0.5); D = types.SimpleNamespace(gain=0.5)",
        "(0.5 if C == D else 0.75)",
        "C.gain = 0.75",
    ),
    "text of a namespace": Place(
        "C = [types.SimpleNamespace(gain=0.5)]", "float(str(C).split('=')[1][:-2])", "C[0].gain = 0.75"
    ),
    "name of a parameter": Place("G = Parameter(np.float32(1), name='0.5')", "float(G.name)", "G.name = '0.75'"),
    "parameter that is frozen": Place(
        "G = Parameter(np.float32(1))", "(0.5 if G.requires_grad else 0.75)", "G.requires_grad = False"
    ),
    "path of names": Place(
        "node.path = 'sub.gain'", "functools.reduce(getattr, self.path.split('.'), config)", "config.sub.gain = 0.75"
    ),
    "path of names by another name": Place(
        "node.path = ['sub', 'gain']; get = getattr", "functools.reduce(get, self.path, config)", "config.sub.gain = 0.75"
    ),
    "names in a map": Place(
        class_of + "\nnode.names = ['gain']", "list(map(getattr, [Config], self.names))[0]", "Config.gain = 0.75"
    ),
    "names in a map of vars": Place(object_of, "max(list(map(vars, [C]))[0].values())", "C.gain = 0.75"),
    "names in a partial": Place(
        object_of + "; node.names = ['gain']; G = functools.partial(getattr, C)", "G(self.names[0])", "C.gain = 0.75"
    ),
    "getattr in a dict": Place(
        object_of + "; node.names = ['gain']; G = {'get': getattr}",
        "functools.reduce(G['get'], self.names, C)",
        "C.gain = 0.75",
    ),
    "getattr of a module": Place(
        object_of + "; import builtins; node.names = ['gain']",
        "functools.reduce(builtins.getattr, self.names, C)",
        "C.gain = 0.75",
    ),
    "state of a generator": Place(
        "START = RNG.bit_generator.state['state']['state']",
        "(0.5 if RNG.__reduce__()[1][0].state['state']['state'] == START else 0.75)",
        "RNG.random()",
    ),
    "attribute of a generator": Place("G = random.Random(0); G.gain = 0.5", "G.gain", "G.gain = 0.75"),
    "class of a generator": Place("class R(random.Random):\n    gain = 0.5\nG = R(0)", "G.gain", "R.gain = 0.75"),
    "buffer of numpy": Place("", "(0.5 if np.getbufsize() == 8192 else 0.75)", "np.setbufsize(16384)"),
}

RANDOM = {
    "random": "random.random()",
    "a coin": "(0.5 if random.random() < 0.2 else 0.75)",
    "random gauss": "random.gauss(0, 1)",
    "random choice": "random.choice([0.5, 0.75])",
    "system random": "random.SystemRandom().random()",
    "numpy's random": "float(np.random.rand())",
    "numpy's random by another name": "np.random.random()",
    "numpy's sample": "np.random.random_sample()",
    "numpy's coin": "(0.5 if np.random.rand() < 0.2 else 0.75)",
    "numpy's normal": "np.random.normal()",
    "numpy's array": "np.random.rand(2).astype(np.float32)",
    "a fresh generator": "np.random.default_rng().random()",
    "a coin of a fresh one": "(0.5 if np.random.default_rng().random() < 0.2 else 0.75)",
    "a fresh random state": "np.random.RandomState().rand()",
    "a global generator": "RNG.random()",
    "a coin of a global one": "(0.5 if RNG.random() < 0.2 else 0.75)",
    "a global random": "RANDOM.random()",
    "a generator in a list": "RNGS[0].integers(2)",
    "uuid": "(0.5 if uuid.uuid4().int % 2 else 0.75)",
    "secrets": "(0.5 if secrets.randbelow(2) else 0.75)",
    "urandom": "(0.5 if os.urandom(1)[0] % 2 else 0.75)",
    "clock": "(0.5 if time.time() % 2 < 1 else 0.75)",
    "counter of the clock": "(0.5 if time.perf_counter_ns() % 2 else 0.75)",
    "date": "(0.5 if datetime.datetime.now().microsecond % 2 else 0.75)",
    "time zone": "(0.5 if datetime.datetime.fromtimestamp(0).hour % 2 else 0.75)",
    "time zone of a date": "(0.5 if datetime.datetime(2000, 1, 1).timestamp() % 2 else 0.75)",
    "clock in a partial": "(0.5 if CLOCK() % 2 else 0.75)",
    "mapped file": "float(np.memmap(sys.executable, np.uint8, 'r')[0])",
    "process": "(0.5 if os.getpid() % 2 else 0.75)",
}

READERS = {
    "in construct": ("", "{read}"),
    "in a method": ("    def factor(self): return {read}\n", "self.factor()"),
    "in a property": ("    @property\n    def factor(self): return {read}\n", "self.factor"),
    "in a lambda": ("", "(lambda: {read})()"),
    "in a list": ("", "[{read} for _ in range(1)][0]"),
    "in a generator": ("", "next(iter({read} for _ in range(1)))"),
    "behind a branch": ("", "({read} if {read} is not None else 1)"),
    "in a function in construct": (
        "    def factor(self):\n        def inner(): return {read}\n        return inner()\n",
        "self.factor()",
    ),
    "in a partial": ("    def factor(self, k): return {read}\n", "functools.partial(self.factor, 1)()"),
}
