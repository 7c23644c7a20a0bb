"""All cases of the table of MindSpore 2.10's behaviour, and those that are out of scope."""

import re

NAMES = re.split(
    r"\s{2,}|\n",
    """
A1_seed_matmul  A2_seed_relu6_2nd  A2b_seed_relu6_1st  A3_seed_surrogate_fwd  A3_seed_surrogate_grad  A3_seed_ifnode_fwd
A3_seed_ifnode_gradall  A3_seed_ifnode_gradall_th05  A3_seed_ifnode_nofire_fwd_grad  A3_seed_ifnode_inplace_check
B1_bare_tensor_one_input  B1_bare_tensor_two_inputs  B1_list  B2_too_few  B3_too_many  B3_empty_tuple  B4_shape_2x2_for_2x3
B4_shape_4x2x3_for_2x3  B4_shape_3_for_2x3  B4_shape_scalar_for_2x3  B4_shape_2x3_for_1x3  B5_dtype_f16_for_f32
B5_dtype_f64_for_f32  B5_dtype_i32_for_f32  B6_missing_dout  B6_missing_out_dout  B6_extra_arg  B6_varargs_bprop
B7_none_for_second_getall  B7_none_for_second_gradpos1  B7_none_for_only  B7_return_None_itself  B7_none_midgraph
B8_python_float  B8_numpy  B8_string  B9_bprop_raises  B10_nested_tuple
C1_param_in_construct_getall  C1_param_in_construct_by_list  C1_trainable_params  C2_param_in_bprop_getall
C2_param_in_bprop_by_list  C3_second_order_wrt_param_used_in_bprop  C4_dict_of_param_grads  C4_tuple_of_tuple_and_dict
C5_param_passed_as_input  C6_outer_weight_and_inner_bprop_weight
D1_nested_inner_bprop  D2_outer_and_inner_bprop  D3_called_twice_two_inputs  D3_called_twice_same_input  D4_chain
D5_multi_output_direct  D5_multi_output_only_first_used  D6_nested_list_output  D6_one_tuple_output  D7_identity_top
D7_identity_mid  D7_identity_input_also_used_directly  D8_counts_pynative_only  D9_bprop_set_after_init_pynative_only
D10_has_bprop_attr  D11_bool_output
E1_int_arg_none  E1_int_arg_zero  E1_int_arg_tensor  E1_int_arg_toofew  E1_int_arg_plain_cell  E1_int_first_grad_pos1
E1_int_first_grad_pos0  E2_tuple_arg_top_nested  E2_tuple_arg_top_flat  E2_tuple_arg_mid_nested  E2_tuple_arg_mid_flat
E2_list_arg_mid_nested  E2_tuple_arg_plain_top  E3_default_arg_omitted  E3_kwarg_given_top  E3_kwarg_given_mid
E3_default_arg_mid  E3_kwarg_tensor_no_default_mid  E4_varargs  E5_none_arg  E5_string_arg  E5_dict_arg
F1_cube_2nd  F1_cube_3rd  F2_exp_uses_out_1st  F2_exp_uses_out_2nd  F2_exp_uses_out_3rd  F3_dout_path_2nd  F4_const_bprop_2nd
F5_bprop_body_cell_with_own_bprop_1st  F5_bprop_body_cell_with_own_bprop_2nd  F6_surrogate_2nd  F7_gradop_inside_bprop
F7_gradop_inside_bprop_2nd  F8_relu6_plain_2nd  F8_relu_plain_2nd  F8_linear_plain_2nd  F8_sigmoid_plain_2nd
G1_2in2w_all0_list0_sens0  G1_1in1w_all0_list0_sens0  G1_2in2w_all0_list0_sens1  G1_1in1w_all0_list0_sens1
G1_2in2w_all0_list1_sens0  G1_1in1w_all0_list1_sens0  G1_2in2w_all0_list1_sens1  G1_1in1w_all0_list1_sens1
G1_2in2w_all1_list0_sens0  G1_1in1w_all1_list0_sens0  G1_2in2w_all1_list0_sens1  G1_1in1w_all1_list0_sens1
G1_2in2w_all1_list1_sens0  G1_1in1w_all1_list1_sens0  G1_2in2w_all1_list1_sens1  G1_1in1w_all1_list1_sens1
G2_by_list_without_weights  G2_weights_list  G2_weights_single_param  G2_weights_plain_tuple  G2_weights_not_used_by_net
G2_weight_requires_grad_false  G2_weights_non_param  G3_sens_missing  G3_sens_kw  G3_sens_wrong_shape
G3_sens_broadcastable_shape  G3_sens_scalar_python  G3_sens_wrong_dtype_f16  G3_sens_wrong_dtype_i32
G4_tuple_out_default_sens  G4_tuple_out_sens_tuple  G4_tuple_out_sens_single  G4_tuple_out_sens_two_args  G5_unused_input
G5_default_first_input_unused  G6_get_all_nonbool  G7_plain_function  G7_get_all_one_input_function  G8_no_args_by_list
G9_int_inputs
H1_pos_int0  H1_pos_tuple0  H1_pos_tuple12  H1_pos_tuple20  H1_pos_none_no_weights  H1_pos_out_of_range  H1_pos_negative
H1_pos_tuple_negative  H1_pos_dup  H1_pos_list  H1_pos_float  H1_pos_bool  H1_pos_tuple_out_of_range  H1_pos_empty_tuple
H2_pos_none_weights2  H2_pos0_weights2  H2_pos01_weights2  H2_pos_none_weights_list1  H2_pos_none_weights_bare
H2_pos0_weights_bare  H2_pos0_weights_empty  H2_weights_frozen  H2_weights_frozen_all  H3_has_aux  H3_no_aux_multi_out
H3_has_aux_single_out  H3_has_aux_list_out  H3_has_aux_nonbool  H4_return_ids  H4_return_ids_single  H4_return_ids_weights
H5_sens_param  H5_sens_kw  H6_kwargs_to_fn  H6_kwargs_pos_in_kw  H7_ms_grad_is_ops_grad  H8_fn_not_callable
H8_fn_returns_none  H8_fn_returns_float  H8_fn_returns_input  H8_fn_returns_const_tensor  H8_fn_output_from_same_input_twice
H9_numpy_input  H9_float_input
I1_pos0  I1_pos12  I1_none_none  I2_pos_none_weights  I2_pos0_weights  I3_has_aux  I3_has_aux_none_weights  I4_multi_out
I5_return_ids  I6_sens  I7_nested
J1_greater_grad  J1_Greater_prim_grad_all  J1_greater_astype_grad  J1_greater_astype_times_x  J2_astype_f16_grad
J2_astype_int_roundtrip  J2_astype_bool_roundtrip  J3_stop_gradient  J3_stop_gradient_all  J3_stop_gradient_tuple
J4_int_input_grad  J4_int64_input_float_out  J4_bool_input_grad  J5_nonscalar_out  J5_broadcast_grad  J6_relu_at0
J6_relu6_at_edges  J6_abs_at0  J6_maximum_tie  J6_max_reduce_tie  J6_sqrt_at0  J6_pow_at0  J6_div  J7_scalar_dtype_rules
J8_isub_inplace  J8_isub_in_fn_mutates_input  J9_setitem_grad  J9_getitem_grad  J10_str_repr
K1_param_before_super  K1_cell_before_super  K2_names  K3_default_param_name  K4_same_name_two_params  K5_delattr_and_missing
K6_assign_none_to_param  K6_assign_tensor_to_param  K6_assign_int_to_param  K7_training_flags  K8_wrong_nargs
K8_too_many_args  K9_no_construct  K10_dense
L1_check_shape  L1_check_shape_reducible  L1_check_dtype  L1_check_few  L1_check_many  L1_check_type_float  L1_check_none
L1_check_bare  L1_check_int_arg_none  L1_check_param_in_construct
M1_internal_params_dict  M1_internal_params_dict_other_order  M1_internal_params_empty_dict  M1_internal_params_no_dict
N1_used_bprop_inputs  N1_used_bprop_inputs_unused_are
O1_gradop_in_construct_of_bprop_cell_fwd  O1_gradop_in_construct_of_bprop_cell_grad
O1_gradop_in_construct_of_plain_cell_grad
Q1_tuple_arg_nested_three  Q1_tuple_arg_second_nested  Q1_tuple_arg_only_nested
R1_stopgrad_in_bprop_2nd  R2_bprop_cell_holding_dense_weights_grads  R3_bprop_called_outside_grad_directly
S1_relu_edges  S1_relu_2nd  S1_relu6_edges  S1_relu6_2nd  S1_sigmoid_2nd  S2_maximum_tie  S2_minimum_tie  S2_div_by_zero
S3_greater_all  S3_greater_astype  S4_lin_2nd  S4_stop_gradient  S5_astype_f16  S5_astype_i32_roundtrip
S5_astype_bool_roundtrip  S6_int32_sq  S6_int64_times_float  S6_bool_in  S7_nonscalar  S7_broadcast  S7_same_tensor_twice
S7_returns_const  S7_returns_input  S8_clip  S8_where  S8_getitem  S8_max_reduce_tie  S8_abs0  S8_pow0  S8_sum_mean
S8_sign_round_floor  S8_log0  S8_logical  S9_numpy_input  S9_float_input  S9_gradop_int_inputs  S9_mutable_int_input
U_i32*0.5  U_i32/i32  U_f16+f32  U_f32*2  U_f16*2.5  U_i32+f16  U_f32>0  U_1-f32  U_Tensor(1.0)  U_Tensor(1)  U_Tensor([1,2])
U_Tensor([1.,2.])  U_Tensor(np f64)  U_Tensor(True)  U_bool+f32  U_bool*2  U_bool+bool  U_i32//2  U_f32%2  U_-f  U_f**2
U_f32*np64  U_np64*f32  U_i32*True  U_f32==f32  U_f32==1  U_f32==None  U_bool(Tensor)  U_bool(T1)  U_float(T1)  U_int(T)
U_len  U_iter  U_f[0]  U_f.sum()  U_i.sum()  U_bool.sum()  U_i.mean()  U_f.mean()  U_f16.sum  U_astype str  U_x.item()
U_x.asnumpy() writable  U_shape type  U_dtype repr  U_f64+f32  U_i64+i32  U_u8+i8  U_f32+int64  U_greater(x,0)
U_Greater i32,1.5  U_hash in dict  U_x in list
V1_set_train_recursive  V2_repr_seq  V3_insert_child_to_cell  V3_insert_param_to_cell  V4_dup_cell_name
V5_param_same_object_twice  V6_shared_cell_params_once  V7_untrainable  V8_param_set_data  V8_param_set_data_dtype
V8_param_set_data_f64  V9_param_clone  V10_param_repr  V11_param_from_numpy  V11_param_bad_name  V12_param_isinstance_tensor
V13_parametertuple_dup  V13_parametertuple_nonparam  V14_param_assign_wrong_shape  V15_dense_default_init  V16_dense_bad
V16_dense_wrong_in  V17_cell_setattr_bprop_flag  V18_bprop_debug_nonbool  V18_bprop_debug_true
V19_register_backward_hook_on_bprop_cell  V19_register_backward_hook_on_plain_cell  V20_no_grad
W1_function  W1_function_2nd
Z1_print_seed1  Z2_print_seed2
""".strip(),
)

# By the reason why no test is written.
OUT_OF_SCOPE = {
    "a private class of MindSpore; a Cell with a bprop does the same": ["W1_function", "W1_function_2nd"],
    "it tells MindSpore's compiler that a value may change; no value needs such a mark here": ["S9_mutable_int_input"],
}
