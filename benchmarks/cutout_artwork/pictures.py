"""Which drawings and photographs the set of artwork is made from, by group. Public domain, from Debian's packages.

Drawings: ``openclipart-svg`` (under ``/usr/share/openclipart/svg``). Photographs: ``mate-backgrounds`` and
``lomiri-wallpapers-20.04`` (under ``/usr/share/backgrounds``), and the two that scikit-learn ships.
"""

from __future__ import annotations

DRAWINGS: dict[str, tuple[str, ...]] = {
    "plain": (
        "food/fruit/grapes_01.svg",
        "recreation/games/9ball_form_jarno_vasama.svg",
        "animals/birds/tacchino_architetto_fran_01.svg",
        "office/pinzatrice_rollandin_arc_01.svg",
        "transportation/pallone_aerestatico_arch_01.svg",
        "food/vegetables/pannocchia_di_gran_turc_01.svg",
        "plants/flowers/geranium_ganson.svg",
        "animals/birds/gufo_civetta_architetto__01.svg",
        "recreation/music/guitar_jarno_vasamaa1.svg",
        "recreation/sports/basebalm_ganson.svg",
        "animals/bugs/coccinella_architetto_fr_01.svg",
        "food/desserts/cone4_ganson.svg",
    ),
    "camouflaged": (
        "food/vegetables/aglio_architetto_frances_01.svg",
        "animals/mammals/housecats/gatto_cat_architetto_fra_04.svg",
        "animals/birds/cigno_di_spalle_architet_01.svg",
        "food/fruit/bananas_nicu_buculei_01.svg",
        "animals/mammals/big_cats/leone_02_architetto_fran_01.svg",
        "unsorted/scatolone.svg",
        "food/perogies_ganson.svg",
        "animals/fish/brown_fish_01.svg",
        "animals/mammals/big_cats/tigre05_architetto_franc_01.svg",
        "food/meats_and_eggs/farmer_onelette.svg",
        "food/fruit/melon_goneri_le_bouder_01.svg",
        "tools/lampada_di_aladino_alad_01.svg",
    ),
    "holes": (
        "people/clothing/jewelry/wedding_rings_jarno_vas_.svg",
        "recreation/music/trumpet_b_flat_colour_ganso.svg",
        "tools/hurricane_lamp_ganson.svg",
        "tools/padlock_aj_ashton_01.svg",
        "unsorted/rose.svg",
        "unsorted/ciuccio.svg",
        "people/clothing/pattino_architetto_franc_01.svg",
        "tools/ruota_dentata_architetto_01.svg",
        "containers/cesto_architetto_frances_01.svg",
        "food/beverages/coffee_ganson.svg",
        "food/beverages/teapot_ganson.svg",
        "unsorted/Montacarichi.svg",
    ),
    "thin": (
        "recreation/music/tenor_trombone_ganson.svg",
        "tools/cultivator_benji_park_01.svg",
        "tools/leafrake_benji_park_01.svg",
        "office/puntine_architetto_franc_01.svg",
        "animals/bugs/insetto_architetto_franc_01.svg",
        "recreation/music/french_horn_ganson.svg",
        "animals/bugs/mantide_religiosa_archit_01.svg",
        "recreation/music/drums_jarno_vasamaa_.svg",
        "unsorted/lampada_da_cantiere.svg",
        "animals/bugs/cavalletta_architetto_fr_01.svg",
        "plants/flowers/flowers_jonathan_dietric_01.svg",
        "transportation/boating/boat_jarno_vasamaa1.svg",
    ),
    "soft": (
        "plants/flowers/sakura_dave_pena_01.svg",
        "office/lamp_sergio_luiz_araujo__01.svg",
        "tools/thermometer_www.jonasste_01.svg",
        "office/lens_lente_francesco_ro_r.svg",
        "education/chemical_science_experience_01.svg",
        "signs_and_symbols/weather/sole_ezechiele_01.svg",
        "animals/bugs/libellule_tanguy_jacq_01.svg",
        "animals/bugs/flying_wasp_gerald_g._01.svg",
        "tools/smoke_nicu_buculei_02.svg",
        "office/clessidra_architetto_fra_01.svg",
        "unsorted/pescetto.svg",  # out of focus
        "food/crawfish1_ganson.svg",  # out of focus
    ),
}

OUT_OF_FOCUS = {"unsorted/pescetto.svg": 5.0, "food/crawfish1_ganson.svg": 3.0}
"""Standard deviation of the blur in pixels."""

PHOTOGRAPHS: tuple[str, ...] = (
    "Kleiber_by_Lukas_Baubkus.jpg",
    "Elephants_3840x2160.jpg",
    "Aqua.jpg",
    "Blinds.jpg",
    "Dune.jpg",
    "FreshFlower.jpg",
    "Garden.jpg",
    "GreenMeadow.jpg",
    "LadyBird.jpg",
    "RainDrops.jpg",
    "Storm.jpg",
    "Wood.jpg",
    "YellowFlower.jpg",
    "china.jpg",
    "flower.jpg",
)

PAPERS: dict[str, tuple[int, int, int]] = {
    "yellow": (236, 200, 70),
    "kraft": (186, 150, 110),
    "white": (233, 232, 228),
    "grey": (150, 152, 155),
    "sky": (130, 180, 215),
    "navy": (38, 52, 92),
    "green": (70, 140, 80),
    "red": (185, 50, 48),
    "pink": (228, 165, 180),
    "black": (32, 32, 35),
}
